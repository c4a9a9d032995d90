// What the last five minutes were like: a chart of p50 and p99, and the state below it.

import { byId, drawn, duration, element, number } from "./dom.js";
import { between } from "./metrics.js";

const MINUTES = 5;
const SPAN = MINUTES * 60_000; // milliseconds
const WINDOW = 10_000;
const HEIGHT = 230;
const EDGE = { left: 46, right: 8, top: 8, bottom: 40 };

/** Keeps the readings of the last minutes, each with the process that it is of: a rolling update has several. */
export class Speed {
  constructor() {
    this.moments = [];
  }

  /** Add a reading, or null where there was none, with the state at its time. */
  add(reading, state, isPrediction) {
    const time = Date.now();
    const moment = { time, state, reading, process: reading?.value("process_start_time_seconds") };
    if (reading) moment.buckets = reading.buckets(isPrediction);
    this.moments.push(moment);
    while (this.moments[0].time < time - SPAN) this.moments.shift();
    const from = reading && this.#before(moment, WINDOW);
    if (from) Object.assign(moment, between(from.buckets, moment.buckets));
    this.#show(moment, this.#lately(isPrediction));
  }

  /** Return total, p50 and p99 of the last minutes for the predictions at a path. */
  of(path) {
    return this.#lately((handler) => handler === path);
  }

  /** Return the number of processes that answered within the last ten seconds. */
  get processes() {
    const recent = this.moments.filter((each) => each.process && each.time > Date.now() - WINDOW);
    return new Set(recent.map((each) => each.process)).size;
  }

  #lately(counts) {
    const now = this.moments.at(-1);
    const from = now.reading && this.#before(now, SPAN);
    return from ? between(from.reading.buckets(counts), now.reading.buckets(counts)) : { total: 0 };
  }

  /** Return the oldest moment of the same process within a time before this one. */
  #before(moment, milliseconds) {
    const fits = (each) => each.reading && each.process === moment.process && each.time >= moment.time - milliseconds;
    const first = this.moments.find(fits);
    return first === moment ? null : first;
  }

  #show(moment, lately) {
    const [p50, p99] = ["p50", "p99"].map((name) => (lately[name] ? duration(lately[name]) : "–"));
    byId("speed").replaceChildren(
      element("span", {}, element("i", { class: "key p50" }), "p50 ", element("b", {}, p50)),
      element("span", {}, element("i", { class: "key p99" }), "p99 ", element("b", {}, p99)),
      element("span", {}, element("b", {}, number(lately.total, 15)), lately.total === 1 ? " answered prediction" : " answered predictions"),
    );
    byId("chart").replaceChildren(this.#chart(moment.time, `p50 ${p50}, p99 ${p99}`));
  }

  #chart(now, summary) {
    const width = byId("chart").clientWidth || 480;
    const bottom = HEIGHT - EDGE.bottom;
    const x = (time) => EDGE.left + (width - EDGE.left - EDGE.right) * (1 - (now - time) / SPAN);
    const times = this.moments.flatMap((each) => (each.total ? [each.p50, each.p99] : []));
    const low = Math.floor(Math.log10(Math.min(0.001, ...times)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(0.01, ...times))));
    const y = (seconds) => bottom - ((Math.log10(seconds) - low) / (high - low)) * (bottom - EDGE.top);
    const label = `Chart of the last ${MINUTES} minutes: ${summary}; ${this.moments.at(-1).state} now`;
    const chart = drawn("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, height: HEIGHT, role: "img", "aria-label": label });
    for (let power = low; power <= high; power += 1) {
      const height = y(10 ** power);
      chart.append(drawn("line", { class: "grid", x1: EDGE.left, x2: width - EDGE.right, y1: height, y2: height }));
      chart.append(drawn("text", { x: EDGE.left - 6, y: height + 4, "text-anchor": "end" }, duration(10 ** power)));
    }
    for (let minute = 0; minute <= MINUTES; minute += 1) {
      const anchor = minute ? "middle" : "end";
      const words = minute ? `−${minute} min` : "now";
      if (minute < MINUTES) chart.append(drawn("text", { x: x(now - minute * 60_000), y: HEIGHT - 4, "text-anchor": anchor }, words));
    }
    for (const name of ["p50", "p99"]) chart.append(drawn("path", { class: name, d: this.#line(name, x, y) }));
    chart.append(...this.#strip(x, bottom + 8));
    return chart;
  }

  #line(name, x, y) {
    let drawing = false;
    const parts = this.moments.map((each) => {
      const command = each.total ? `${drawing ? "L" : "M"}${x(each.time).toFixed(1)} ${y(each[name]).toFixed(1)}` : "";
      const dot = command && !drawing ? "h0.1" : ""; // shows a point that stays alone
      drawing = Boolean(command);
      return command + dot;
    });
    return parts.join("");
  }

  #strip(x, top) {
    const marks = [];
    this.moments.forEach((each, index) => {
      const end = this.moments[index + 1]?.time ?? each.time;
      const last = marks.at(-1);
      if (last?.state === each.state) last.end = end;
      else marks.push({ state: each.state, start: each.time, end });
    });
    return marks.map(({ state, start, end }) => {
      const size = { x: x(start), y: top, width: Math.max(2, x(end) - x(start)), height: 10 };
      return drawn("rect", { ...size, "data-state": state }, drawn("title", {}, state));
    });
  }
}
