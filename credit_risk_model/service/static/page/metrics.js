// Reading Prometheus' text format, and what follows from two readings of a histogram.

const LINE = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (\S+)/;
const LABEL = /(\w+)="((?:[^"\\]|\\.)*)"/g;
const ESCAPED = { "\\n": "\n", '\\"': '"', "\\\\": "\\" };

/** One reading of `/metrics`. */
export class Reading {
  constructor(text) {
    this.series = new Map();
    for (const line of text.split("\n")) {
      const parts = LINE.exec(line);
      if (!parts) continue;
      const labels = {};
      for (const [, name, value] of (parts[2] ?? "").matchAll(LABEL)) {
        labels[name] = value.replace(/\\[n"\\]/g, (pair) => ESCAPED[pair]);
      }
      if (!this.series.has(parts[1])) this.series.set(parts[1], []);
      this.series.get(parts[1]).push({ labels, value: Number(parts[3]) });
    }
  }

  /** Return the series of a metric: objects with `labels` and `value`. */
  all(name) {
    return this.series.get(name) ?? [];
  }

  /** Return the value of a metric without labels, or with these. */
  value(name, wanted = {}) {
    return this.all(name).find(({ labels }) => Object.entries(wanted).every(([key, value]) => labels[key] === value))?.value;
  }

  /** Return the count of answered requests up to each bound in seconds, of the paths for which `counts` is true. */
  buckets(counts) {
    const buckets = new Map();
    for (const { labels, value } of this.all("http_request_duration_seconds_bucket")) {
      if (labels.status !== "200" || !counts(labels.handler)) continue;
      const bound = labels.le === "+Inf" ? Infinity : Number(labels.le);
      buckets.set(bound, (buckets.get(bound) ?? 0) + value);
    }
    return buckets;
  }
}

/** Return how many requests came between two readings, and the quantiles of their times in seconds. */
export function between(before, after) {
  const bounds = [...after.keys()].sort((one, other) => one - other);
  const counts = bounds.map((bound) => after.get(bound) - (before.get(bound) ?? 0));
  const total = counts.at(-1) ?? 0;
  const quantile = (share) => {
    const index = counts.findIndex((count) => count >= share * total);
    if (bounds[index] === Infinity) return bounds[index - 1];
    const [start, below] = index ? [bounds[index - 1], counts[index - 1]] : [0, 0];
    return start + ((bounds[index] - start) * (share * total - below)) / (counts[index] - below || 1);
  };
  return total > 0 ? { total, p50: quantile(0.5), p99: quantile(0.99) } : { total: 0 };
}
