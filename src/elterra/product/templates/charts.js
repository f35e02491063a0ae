"use strict";
// Small canvas charts. Every chart is a function of (canvas, options) and redraws itself on resize and theme change.
const charts = new Set();
const css = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const el = (tag, props = {}, ...kids) => {
  const node = Object.assign(document.createElement(tag), props);
  for (const kid of kids) node.append(kid);
  return node;
};
function canvas(parent, height, draw) {
  const node = el("canvas");
  node.style.height = height + "px";
  parent.append(node);
  const chart = {node, height, draw, paint() {
    const width = node.clientWidth || 600, ratio = Math.min(3, devicePixelRatio || 1);
    node.width = width * ratio; node.height = height * ratio;
    const g = node.getContext("2d");
    g.setTransform(ratio, 0, 0, ratio, 0, 0);
    g.clearRect(0, 0, width, height);
    g.font = "12px system-ui,-apple-system,'Segoe UI',Roboto,Arial,sans-serif";
    draw(g, width, height, chart);
  }};
  charts.add(chart);
  return chart;
}
function repaint() { for (const c of charts) if (c.node.isConnected) c.paint(); }
function ticks(low, high, count) {
  if (!(high > low)) high = low + 1;
  const raw = (high - low) / Math.max(1, count), power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].map(m => m * power).find(s => s >= raw);
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) out.push(Math.abs(v) < step * 1e-9 ? 0 : v);
  return out;
}
const number = v => {
  if (v === null || v === undefined || !isFinite(v)) return "–";
  const a = Math.abs(v);
  const text = a !== 0 && (a < 1e-3 || a >= 1e6) ? v.toExponential(1) : a >= 1000 ? v.toFixed(0) : a >= 100 ? v.toFixed(1) : a >= 10 ? v.toFixed(1) : a >= 1 ? v.toFixed(2) : v.toFixed(3);
  return text.replaceAll("-", "−");
};
const tickText = v => String(Math.abs(v) >= 1e5 || (v !== 0 && Math.abs(v) < 1e-4) ? v.toExponential(1) : +v.toPrecision(6)).replaceAll("-", "−");
// plot area with axes; returns scales
function axes(g, width, height, o) {
  const left = o.left ?? 58, right = o.right ?? 12, top = o.top ?? 12, bottom = o.bottom ?? 26;
  const w = width - left - right, h = height - top - bottom;
  const x = v => left + (v - o.x0) / (o.x1 - o.x0) * w, y = v => top + h - (v - o.y0) / (o.y1 - o.y0) * h;
  g.strokeStyle = css("--grid"); g.fillStyle = css("--muted"); g.lineWidth = 1;
  g.textAlign = "right"; g.textBaseline = "middle";
  for (const t of o.yticks ?? ticks(o.y0, o.y1, Math.max(3, h / 48))) {
    const py = Math.round(y(t)) + .5;
    g.strokeStyle = t === 0 ? css("--muted") : css("--grid");
    g.beginPath(); g.moveTo(left, py); g.lineTo(left + w, py); g.stroke();
    g.fillText(tickText(t), left - 7, py);
  }
  g.textAlign = "center"; g.textBaseline = "top"; g.strokeStyle = css("--grid");
  for (const [t, text, line] of o.xticks ?? []) {
    const px = Math.round(x(t)) + .5;
    if (line !== false) { g.beginPath(); g.moveTo(px, top); g.lineTo(px, top + h); g.stroke(); }
    // a label at the very edge would be cut
    const half = g.measureText(text).width / 2;
    g.fillText(text, Math.max(half, Math.min(width - half - 1, px)), top + h + 8);
  }
  if (o.ylabel) {
    g.save(); g.translate(12, top + h / 2); g.rotate(-Math.PI / 2); g.textAlign = "center"; g.textBaseline = "middle";
    g.fillText(o.ylabel, 0, 0); g.restore();
  }
  return {x, y, left, top, w, h, back: px => o.x0 + (px - left) / w * (o.x1 - o.x0)};
}
function clipTo(g, a) { g.save(); g.beginPath(); g.rect(a.left, a.top, a.w, a.h); g.clip(); }
function line(g, a, xs, ys, colour, width = 1.5, dash = []) {
  g.strokeStyle = colour; g.lineWidth = width; g.setLineDash(dash); g.lineJoin = "round"; g.beginPath();
  let on = false;
  for (let i = 0; i < xs.length; i++) {
    const v = ys[i];
    if (v === null || v === undefined || Number.isNaN(v)) { on = false; continue; }
    if (on) g.lineTo(a.x(xs[i]), a.y(v)); else g.moveTo(a.x(xs[i]), a.y(v));
    on = true;
  }
  g.stroke(); g.setLineDash([]);
}
function band(g, a, xs, low, high, colour) {
  g.fillStyle = colour;
  let run = [];
  const flush = () => {
    if (run.length > 1) {
      g.beginPath();
      run.forEach((i, k) => k ? g.lineTo(a.x(xs[i]), a.y(high[i])) : g.moveTo(a.x(xs[i]), a.y(high[i])));
      for (let k = run.length - 1; k >= 0; k--) g.lineTo(a.x(xs[run[k]]), a.y(low[run[k]]));
      g.fill();
    }
    run = [];
  };
  for (let i = 0; i < xs.length; i++) if (Number.isNaN(low[i]) || Number.isNaN(high[i])) flush(); else run.push(i);
  flush();
}
function dots(g, a, xs, ys, colour, radius = 1.6) {
  g.fillStyle = colour;
  for (let i = 0; i < xs.length; i++) {
    const v = ys[i];
    if (v === null || v === undefined || Number.isNaN(v)) continue;
    g.beginPath(); g.arc(a.x(xs[i]), a.y(v), radius, 0, 7); g.fill();
  }
}
function extent(...lists) {
  let low = Infinity, high = -Infinity;
  for (const list of lists) for (const v of list ?? []) if (v !== null && isFinite(v)) { if (v < low) low = v; if (v > high) high = v; }
  if (!(high > low)) { low = (isFinite(low) ? low : 0) - .5; high = low + 1; }
  const pad = (high - low) * .05;
  return [low - pad, high + pad];
}
// time axis in days since 1970
const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const dayOf = (y, m, d = 1) => Date.UTC(y, m, d) / 864e5;
function timeTicks(x0, x1, width) {
  const span = x1 - x0, a = new Date(x0 * 864e5), out = [], room = Math.max(2, width / 75);
  if (span > 800) {
    for (let y = a.getUTCFullYear(); dayOf(y, 0) <= x1; y++) if (dayOf(y, 0) >= x0 - .5) out.push([dayOf(y, 0), String(y)]);
  } else if (span > 50) {
    const every = [1, 2, 3, 6].find(k => span / 30.4 / k <= room) ?? 12;
    for (let k = a.getUTCFullYear() * 12 + a.getUTCMonth(); ; k++) {
      const d = dayOf(Math.floor(k / 12), k % 12);
      if (d > x1) break;
      if (d >= x0 - .01 && k % 12 % every === 0) out.push([d, MONTHS[k % 12] + (k % 12 === 0 || out.length === 0 ? " " + Math.floor(k / 12) : "")]);
    }
  } else {
    const every = [1, 2, 5, 7, 10].find(k => span / k <= room) ?? 14;
    for (let d = Math.ceil(x0); d <= x1; d += every) { const t = new Date(d * 864e5); out.push([d, t.getUTCDate() + " " + MONTHS[t.getUTCMonth()]]); }
  }
  return out;
}
const dateText = (d, clock) => {
  const t = new Date(Math.round(d * 86400) * 1e3), two = v => String(v).padStart(2, "0");
  return `${t.getUTCFullYear()}-${two(t.getUTCMonth() + 1)}-${two(t.getUTCDate())}` + (clock ? ` ${two(t.getUTCHours())}:${two(t.getUTCMinutes())} UTC` : "");
};
// colour maps, perceptually ordered and safe for colour-blind readers
const MAPS = {
  sequential: ["#2a1a4a", "#31467c", "#2b7089", "#2c9986", "#6bbf6c", "#c3da63", "#fdf4a5"],
  water: ["#f4ecd8", "#cfdcc0", "#9ccdb9", "#5fb3b8", "#3a8db0", "#2a639b", "#243a78"],
  diverging: ["#0a4f7f", "#2f83ba", "#94c4df", "#f2f1ec", "#f3b98a", "#d56f3a", "#8c3310"],
};
const rgb = h => [1, 3, 5].map(i => parseInt(h.slice(i, i + 2), 16));
function colour(map, t) {
  const list = MAPS[map], p = Math.min(.99999, Math.max(0, t)) * (list.length - 1), i = Math.floor(p), f = p - i;
  const a = rgb(list[i]), b = rgb(list[i + 1]);
  return a.map((v, k) => v + (b[k] - v) * f);
}
function raster(cols, rows, value, low, high, map) {
  const node = el("canvas", {width: cols, height: rows}), g = node.getContext("2d"), image = g.createImageData(cols, rows);
  for (let c = 0; c < cols; c++) for (let r = 0; r < rows; r++) {
    const v = value(c, r);
    if (v === null || v === undefined || Number.isNaN(v)) continue;
    const [red, green, blue] = colour(map, (v - low) / (high - low)), p = 4 * (r * cols + c);
    image.data[p] = red; image.data[p + 1] = green; image.data[p + 2] = blue; image.data[p + 3] = 255;
  }
  g.putImageData(image, 0, 0);
  return node;
}
function colourBar(g, x, y, h, low, high, map, label) {
  for (let i = 0; i < h; i++) { const [r, gr, b] = colour(map, 1 - i / h); g.fillStyle = `rgb(${r},${gr},${b})`; g.fillRect(x, y + i, 11, 1.5); }
  g.fillStyle = css("--muted"); g.textAlign = "left"; g.textBaseline = "middle";
  for (const t of ticks(low, high, Math.max(2, h / 38))) g.fillText(tickText(t), x + 16, y + h - (t - low) / (high - low) * h);
  g.textBaseline = "bottom"; g.textAlign = "right"; g.fillText(label, x + 50, y - 4);
}
function robust(values, low = .01, high = .99) {
  const list = Float64Array.from(values.filter(v => !Number.isNaN(v))).sort();
  if (!list.length) return [0, 1];
  const pick = q => list[Math.min(list.length - 1, Math.floor(q * list.length))];
  const a = pick(low), b = pick(high);
  return b > a ? [a, b] : [a - .5, a + .5];
}
const tip = () => document.getElementById("tip");
function showTip(event, text) {
  const node = tip();
  node.textContent = text; node.style.opacity = 1;
  const box = node.getBoundingClientRect();
  node.style.left = Math.min(innerWidth - box.width - 8, event.clientX + 14) + "px";
  node.style.top = Math.max(4, event.clientY - box.height - 10) + "px";
}
const hideTip = () => { tip().style.opacity = 0; };
