// Returns the texts whose contrast with their ground is below 4.5 to 1, by the formula of WCAG 2.2.
const paint = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const channels = (colour, below) => {
  paint.fillStyle = `rgb(${below.join(",")})`;
  paint.fillRect(0, 0, 1, 1);
  paint.fillStyle = colour;
  paint.fillRect(0, 0, 1, 1);
  return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
};
const ground = (node) => channels(getComputedStyle(node).backgroundColor, node.parentElement ? ground(node.parentElement) : [255, 255, 255]);
const luminance = (colour) => {
  const [red, green, blue] = colour.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
};
const wrong = [];
for (const node of document.querySelectorAll("body *")) {
  const texts = [...node.childNodes].filter((child) => child.nodeType === Node.TEXT_NODE && child.textContent.trim());
  if (!texts.length || !node.checkVisibility() || node.closest(".hidden, .skip")) continue;
  const below = ground(node);
  const style = getComputedStyle(node);
  const [one, other] = [below, channels(node.closest("svg") ? style.fill : style.color, below)].map(luminance);
  const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
  if (contrast < 4.5) wrong.push(`${texts[0].textContent.trim()}: ${contrast.toFixed(2)}`);
}
return wrong;
