// The page: asks the service once a second, and shows what it answers.

import { byId, say } from "./dom.js";
import { Health } from "./health.js";
import { Reading } from "./metrics.js";
import { Models } from "./models.js";
import { Speed } from "./speed.js";
import { Trial } from "./trial.js";

const PAUSE = 1_000; // milliseconds
const PATIENCE = 3_000; // for all that is asked in one round
const root = document.documentElement.dataset.root;
const title = document.title;
const models = new Models();
const speed = new Speed();
let health = null;
let metricsAreOff = false;
let contractText = "";
let shownModels = null; // what the form and the names were made for

async function ask(path, signal) {
  const start = performance.now();
  try {
    const response = await fetch(root + path, { cache: "no-store", signal });
    const text = await response.text();
    return { status: response.status, text, seconds: (performance.now() - start) / 1000 };
  } catch {
    return null;
  }
}

function wordOf(answer) {
  try {
    return answer && { ...answer, word: String(Object.values(JSON.parse(answer.text))[0]) };
  } catch {
    return { ...answer, word: "" };
  }
}

/** One after the other: so they go over one connection, to one process, where several are behind an address. */
async function round() {
  const signal = AbortSignal.timeout(PATIENCE);
  if (!health) {
    const table = await ask("/static/page/states.json", signal);
    if (table?.status !== 200) return;
    health = new Health(JSON.parse(table.text));
  }
  const answers = [];
  for (const probe of health.probes) answers.push(wordOf(await ask(probe.path, signal)));
  const metrics = metricsAreOff ? null : await ask("/metrics", signal);
  if (metrics?.status === 404) metricsAreOff = byId("metrics-link").hidden = true;
  const reading = metrics?.status === 200 ? new Reading(metrics.text) : null;
  const states = health.statesOf(answers, reading);
  const name = states.join(" or ");
  health.show(answers, states);
  speed.add(reading, name, (path) => path.startsWith("/api/models/"));
  if (reading || metricsAreOff) models.show(reading, speed);
  document.title = `${name} – ${title}`;
  say(byId("process"), speed.processes > 1 ? `${speed.processes} processes answer at this address in turns.` : "");
  await describe(reading, name, signal);
}

/** Read the contract and the names where there are other models than before. */
async function describe(reading, state, signal) {
  if (["loading", "load failed", "gone"].includes(state)) {
    shownModels = null;
    return;
  }
  const served = JSON.stringify(reading?.all("model_info").map(({ labels }) => labels) ?? null);
  if (served === shownModels) return;
  const [contract, list] = [await ask("/openapi.json", signal), await ask("/api/models", signal)];
  if (contract?.status !== 200 || list?.status !== 200) return;
  shownModels = served;
  models.known = JSON.parse(list.text).models;
  if (contract.text === contractText) return; // keeps what was typed
  contractText = contract.text;
  const parsed = JSON.parse(contractText);
  for (const { qualified_name: model } of models.known) {
    const path = `/api/models/${model}/card`;
    if (parsed.paths[path]) models.cards.set(model, root + path);
  }
  new Trial(parsed, root);
}

async function run() {
  try {
    if (!document.hidden) await round();
  } finally {
    setTimeout(run, PAUSE);
  }
}

run();
