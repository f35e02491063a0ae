// The page: unpacks the data and builds one section after another.
let D;
const unpacked = new WeakMap();
function values(packed) {
  if (!packed) return null;
  if (!unpacked.has(packed)) {
    const raw = Uint8Array.from(atob(packed.d), c => c.charCodeAt(0)), whole = new Int16Array(raw.buffer), out = new Float64Array(whole.length);
    for (let i = 0; i < whole.length; i++) out[i] = whole[i] === -32768 ? NaN : packed.o + whole[i] * packed.s;
    unpacked.set(packed, out);
  }
  return unpacked.get(packed);
}
function section(id, title, text) {
  const node = el("section", {id}, el("h2", {textContent: title}));
  if (text) node.append(el("p", {className: "muted", textContent: text}));
  document.getElementById("sections").append(node);
  document.getElementById("nav").append(el("a", {href: "#" + id, textContent: title}));
  return node;
}
function chooser(parent, label, options, change, start = 0) {
  const select = el("select");
  options.forEach(([value, text]) => select.append(el("option", {value, textContent: text})));
  select.selectedIndex = start;
  select.addEventListener("change", () => change(select.value));
  parent.append(el("label", {}, label, select));
  return select;
}
function keys(parent, list) {
  const node = el("div", {className: "keys"});
  for (const [text, colourName, kind] of list) {
    const mark = el("i", {className: kind ?? ""});
    mark.style.background = `var(${colourName})`;
    node.append(el("span", {}, mark, text));
  }
  parent.append(node);
}
const years = () => {
  const a = new Date(D.daily.start * 864e5).getUTCFullYear(), b = new Date((D.daily.start + D.daily.n - 1) * 864e5).getUTCFullYear();
  return Array.from({length: b - a + 1}, (_, i) => a + i);
};
function seriesSection() {
  const node = section("series", "Series", "Mean of the ensemble with its 50 % and 90 % bands. The bands hold the uncertainty of the estimate, not the random error of a measurement. Drag over the chart to look closer; assimilated variables turn half-hourly below 60 days.");
  const bar = el("div", {className: "bar"}); node.append(bar);
  let item = D.daily.series[0], x0 = D.daily.start, x1 = x0 + D.daily.n, showLoop = true;
  chooser(bar, "Variable", D.daily.series.map((s, i) => [i, `${s.name} · ${s.label}`]), v => { item = D.daily.series[v]; chart.paint(); });
  const year = chooser(bar, "Period", [["all", "all years"], ...years().map(y => [y, y])], v => {
    if (v === "all") { x0 = D.daily.start; x1 = x0 + D.daily.n; } else { x0 = dayOf(+v, 0); x1 = dayOf(+v + 1, 0); }
    chart.paint();
  });
  const reset = el("button", {type: "button", textContent: "whole period"});
  reset.onclick = () => { year.value = "all"; x0 = D.daily.start; x1 = x0 + D.daily.n; chart.paint(); };
  const loop = el("button", {type: "button", textContent: "open loop"});
  loop.setAttribute("aria-pressed", "true");
  loop.onclick = () => { showLoop = !showLoop; loop.setAttribute("aria-pressed", showLoop); chart.paint(); };
  bar.append(reset, loop);
  keys(node, [["reanalysis, mean", "--accent"], ["25–75 %", "--band2", "box"], ["5–95 %", "--band", "box"], ["measured (GPP, ER: partitioned)", "--obs", "dot"], ["open loop (nothing assimilated)", "--loop"]]);
  let a, drag = null, view = null;
  const chart = canvas(node, 380, (g, width, height) => {
    const fine = x1 - x0 <= 60 ? D.half.series.find(s => s.name === item.name) : null;
    const src = fine ?? item, start = fine ? D.half.start / 86400 : D.daily.start, step = fine ? D.half.step / 86400 : 1;
    const i0 = Math.max(0, Math.floor((x0 - start) / step)), i1 = Math.min((fine ? D.half.n : D.daily.n), Math.ceil((x1 - start) / step));
    const cut = key => { const v = values(src[key]); return v ? v.subarray(i0, i1) : null; };
    const xs = Float64Array.from({length: Math.max(0, i1 - i0)}, (_, i) => start + (i0 + i + .5) * step);
    const mean = cut("mean"), low = cut("q05"), high = cut("q95"), q25 = cut("q25"), q75 = cut("q75"), obs = cut("observed"), free = !fine && showLoop ? cut("openloop") : null;
    const [y0, y1] = extent(mean, low, high, obs ? robust([...obs], .001, .999) : null, free);
    a = axes(g, width, height, {x0, x1, y0, y1, xticks: timeTicks(x0, x1, width), ylabel: src.units || "1", left: 64});
    clipTo(g, a);
    if (low && high) band(g, a, xs, low, high, css("--band"));
    if (q25 && q75) band(g, a, xs, q25, q75, css("--band2"));
    if (free) { g.globalAlpha = xs.length > 900 ? .6 : .85; line(g, a, xs, free, css("--loop"), 1); g.globalAlpha = 1; }
    if (obs) { g.globalAlpha = xs.length > 900 ? .55 : .8; dots(g, a, xs, obs, css("--obs"), xs.length > 900 ? 1.3 : 2); g.globalAlpha = 1; }
    line(g, a, xs, mean, css("--accent"), xs.length > 900 ? 1.1 : 1.7);
    if (drag) { g.fillStyle = css("--band2"); g.fillRect(Math.min(drag[0], drag[1]), a.top, Math.abs(drag[1] - drag[0]), a.h); }
    g.restore();
    view = {xs, mean, low, high, obs, free, step, units: src.units, fine};
  });
  const node2 = chart.node, at = e => e.clientX - node2.getBoundingClientRect().left;
  node2.style.cursor = "crosshair";
  node2.addEventListener("pointerdown", e => { drag = [at(e), at(e)]; node2.setPointerCapture(e.pointerId); });
  node2.addEventListener("pointerup", () => {
    if (drag && Math.abs(drag[1] - drag[0]) > 8) { const p = drag.map(a.back).sort((u, v) => u - v); if (p[1] - p[0] > 1) [x0, x1] = p; }
    drag = null; chart.paint();
  });
  node2.addEventListener("dblclick", () => reset.onclick());
  node2.addEventListener("pointermove", e => {
    if (drag) { drag[1] = at(e); chart.paint(); }
    const i = Math.round((a.back(at(e)) - view.xs[0]) / view.step);
    if (i < 0 || i >= view.xs.length) return hideTip();
    const rows = [dateText(view.xs[i] - view.step / 2, view.fine), `reanalysis ${number(view.mean[i])} ${view.units}`];
    if (view.low) rows.push(`90 % ${number(view.low[i])} … ${number(view.high[i])}`);
    if (view.obs && !Number.isNaN(view.obs[i])) rows.push(`measured ${number(view.obs[i])}`);
    if (view.free && !Number.isNaN(view.free[i])) rows.push(`open loop ${number(view.free[i])}`);
    showTip(e, rows.join("\n"));
  });
  node2.addEventListener("pointerleave", hideTip);
}
function fingerprintSection() {
  const list = D.half.series.filter(s => s.observed);
  if (!list.length) return;
  const node = section("fingerprints", "Fingerprints", "Day of the year to the right, hour of the day (local standard time) upward; blank where nothing was measured. The difference is reanalysis minus measurement.");
  const bar = el("div", {className: "bar"}); node.append(bar);
  let item = list[0], year = years()[0];
  const hold = el("div"); node.append(hold);
  const per = Math.round(86400 / D.half.step);
  function build() {
    hold.replaceChildren();
    const first = dayOf(year, 0), days = dayOf(year + 1, 0) - first;
    const shift = Math.round((first * 86400 - D.offset * 3600 - D.half.start) / D.half.step);
    const mean = values(item.mean), obs = values(item.observed);
    const at = (v, c, r) => { const i = shift + c * per + (per - 1 - r); return i >= 0 && i < v.length ? v[i] : NaN; };
    const pool = [], gap = [];
    for (let c = 0; c < days; c++) for (let r = 0; r < per; r++) { const o = at(obs, c, r), m = at(mean, c, r); pool.push(o, m); gap.push(m - o); }
    let [low, high] = robust(pool), map = item.name === "SWC_15" ? "water" : "sequential";
    if (item.name === "NEE") { const m = Math.max(Math.abs(low), Math.abs(high)); low = -m; high = m; map = "diverging"; }
    const [d0, d1] = robust(gap, .02, .98), dm = Math.max(Math.abs(d0), Math.abs(d1));
    const rows = [["Measured", (c, r) => at(obs, c, r), low, high, map], ["Reanalysis", (c, r) => at(mean, c, r), low, high, map], ["Reanalysis minus measured", (c, r) => at(mean, c, r) - at(obs, c, r), -dm, dm, "diverging"]];
    for (const [title, f, l, h, m] of rows) {
      hold.append(el("h3", {textContent: title}));
      const picture = raster(days, per, f, l, h, m);
      canvas(hold, 168, (g, width, height) => {
        const a = axes(g, width, height, {x0: first, x1: first + days, y0: 0, y1: 24, yticks: [0, 6, 12, 18, 24], xticks: timeTicks(first, first + days - 1, width), right: 66, left: 40, top: 20});
        g.imageSmoothingEnabled = false;
        g.drawImage(picture, a.left, a.top, a.w, a.h);
        colourBar(g, a.left + a.w + 12, a.top, a.h, l, h, m, item.units);
      }).paint();
    }
  }
  chooser(bar, "Variable", list.map((s, i) => [i, `${s.name} · ${s.label}`]), v => { item = list[v]; build(); });
  chooser(bar, "Year", years().map(y => [y, y]), v => { year = +v; build(); });
  build();
}
function cycleSection() {
  if (!D.cycles.length) return;
  const node = section("cycles", "Seasonal and diurnal cycles", "Measured half-hours are compared with the same half-hours of the reanalysis; the thin dashed line is the mean over all half-hours, measured or not.");
  const bar = el("div", {className: "bar"}), hold = el("div"); node.append(bar);
  keys(node, [["measured", "--obs"], ["reanalysis, same half-hours", "--accent"], ["reanalysis, all half-hours (dashed)", "--green"]]);
  node.append(hold);
  function build(item) {
    hold.replaceChildren();
    const draw = (parent, height, data, n, xticks, title, range) => {
      const box = el("div", {}, el("h3", {textContent: title})); parent.append(box);
      const xs = Array.from({length: n}, (_, i) => i + .5);
      canvas(box, height, (g, width, h) => {
        const [y0, y1] = range;
        const a = axes(g, width, h, {x0: 0, x1: n, y0, y1, xticks, ylabel: item.units, left: 60});
        line(g, a, xs, data.all, css("--green"), 1.3, [5, 4]);
        if (data.same) line(g, a, xs, data.same, css("--accent"), 2);
        if (data.observed) { line(g, a, xs, data.observed, css("--obs"), 1.2); dots(g, a, xs, data.observed, css("--obs"), 2.4); }
      }).paint();
    };
    const m = item.months;
    draw(hold, 230, m, 12, MONTHS.map((t, i) => [i + .5, t, false]), "Mean month", extent(m.all, m.same, m.observed));
    const grid = el("div", {className: "grid four"}); hold.append(grid);
    const range = extent(...item.hours.flatMap(h => [h.all, h.same, h.observed]));
    for (const h of item.hours) draw(grid, 200, h, 24, [0, 6, 12, 18, 24].map(t => [t, String(t)]), {DJF: "Winter", MAM: "Spring", JJA: "Summer", SON: "Autumn"}[h.season] + ", by hour", range);
  }
  chooser(bar, "Variable", D.cycles.map((s, i) => [i, `${s.name} · ${s.label}`]), v => build(D.cycles[v]));
  build(D.cycles[0]);
}
function budgetSection() {
  if (!D.budgets.length) return;
  const node = section("budgets", "Budgets", "Positive adds to the storage. Change of storage = fluxes + increment − smoothing − discrepancy + residual: the increment is what the data changed in the storage; smoothing and discrepancy are in the fluxes but not in the storage. Names and signs are those of the store.");
  const palette = ["--accent", "--loop", "--green", "--pink", "--sky"];
  for (const b of D.budgets) {
    node.append(el("h3", {className: "apart", textContent: b.name[0].toUpperCase() + b.name.slice(1) + (b.units ? `, ${b.units}` : "")}));
    const shown = b.terms.filter(t => t.role !== "residual");
    const own = {storage: "--obs", increment: "--red", smoothing: "--muted", discrepancy: "--purple"};
    let next = 0;
    const colours = shown.map(t => own[t.role] ?? palette[next++ % palette.length]);
    keys(node, shown.map((t, i) => [t.label, colours[i]]));
    canvas(node, 210, (g, width, height) => {
      const lists = shown.map(t => values(t.course)), n = lists[0].length, xs = Float64Array.from({length: n}, (_, i) => b.start + 7 * i);
      const [y0, y1] = extent(...lists);
      const a = axes(g, width, height, {x0: b.start, x1: b.start + 7 * n, y0, y1, xticks: timeTicks(b.start, b.start + 7 * n, width), left: 74, ylabel: "cumulative"});
      lists.forEach((v, i) => line(g, a, xs, v, css(colours[i]), shown[i].role === "increment" ? 2.2 : 1.5, shown[i].role === "storage" ? [6, 4] : []));
    });
    const table = el("table"), head = el("tr", {}, el("th", {textContent: "per year"}), ...b.years.map(y => el("th", {textContent: y})), el("th", {textContent: "largest in a day"}));
    table.append(head);
    for (const t of b.terms) table.append(el("tr", {className: t.role === "storage" ? "sum" : ""}, el("td", {textContent: t.label}), ...t.yearly.map(v => el("td", {textContent: number(v)})), el("td", {textContent: number(t.largest)})));
    node.append(el("div", {className: "scroll"}, table));
  }
}
function soilSection() {
  if (!D.soil) return;
  const node = section("soil", "Soil profiles", "Weekly means of the ensemble by depth; depth is stretched towards the surface.");
  const {depth, weeks, start} = D.soil, n = depth.length;
  const edges = depth.map((d, i) => i ? (d + depth[i - 1]) / 2 : 0); edges.push(depth[n - 1] + (depth[n - 1] - edges[n - 1]));
  const s = Math.sqrt;
  for (const f of D.soil.fields) {
    node.append(el("h3", {textContent: f.label + (f.units ? `, ${f.units}` : "")}));
    const v = values(f.values);
    let [low, high] = robust([...v], .005, .995), map = "water";
    if (f.name === "TSOI") { const m = Math.max(Math.abs(low), Math.abs(high)); low = -m; high = m; map = "diverging"; }
    const picture = raster(weeks, n, (c, r) => v[c * n + r], low, high, map);
    canvas(node, 210, (g, width, height) => {
      const a = axes(g, width, height, {x0: start, x1: start + 7 * weeks, y0: 1, y1: 0, yticks: [], xticks: timeTicks(start, start + 7 * weeks, width), right: 66, left: 58, top: 20});
      g.imageSmoothingEnabled = false;
      const bottom = s(edges[n]);
      for (let r = 0; r < n; r++) {
        const y0 = a.top + a.h * s(edges[r]) / bottom, y1 = a.top + a.h * s(edges[r + 1]) / bottom;
        g.drawImage(picture, 0, r, weeks, 1, a.left, y0, a.w, y1 - y0 + .5);
      }
      g.fillStyle = css("--muted"); g.textAlign = "right"; g.textBaseline = "middle";
      for (const d of [0.05, 0.2, 0.5, 1, 2, 3]) if (d < edges[n]) g.fillText(d + " m", a.left - 7, a.top + a.h * s(d) / bottom);
      colourBar(g, a.left + a.w + 12, a.top, a.h, low, high, map, f.units);
    });
  }
}
const METHODS = {reanalysis: ["reanalysis", "--accent"], openloop: ["open loop", "--loop"], climatology: ["climatology", "--pink"], mds: ["MDS", "--green"], trees: ["boosted trees", "--sky"], persistence: ["persistence", "--muted"]};
const GAPS = {gap1: "1 day", gap10: "10 days", gap30: "30 days", gap90: "90 days", forecast: "forecast"};
const UNIT = {NEE: "µmol CO₂ m⁻² s⁻¹", GPP: "µmol CO₂ m⁻² s⁻¹", ER: "µmol CO₂ m⁻² s⁻¹", LE: "W m⁻²", SWC: "m³ m⁻³"};
function scoreSection() {
  if (!D.scores.length) return;
  const node = section("scores", "Scores on withheld measurements", "Blocks of measurements were withheld from all methods and are the only truth. A daily value is the mean of the measured half-hours of a day, at least twelve. MDS is marginal distribution sampling, the FLUXNET standard. In each row the best is marked. Coverage should be near 0.90 and spread–skill near 1.");
  const bar = el("div", {className: "bar"}), hold = el("div"); node.append(bar, hold);
  const unique = k => [...new Set(D.scores.map(r => r[k]))];
  const state = {variable: unique("variable")[0], scale: unique("scale")[0], part: "all"};
  const names = {rmse: "RMSE", bias: "Bias", r: "Correlation", crps: "CRPS", coverage90: "Coverage of the 90 % interval", spread_skill: "Spread–skill"};
  const merit = {rmse: v => v, bias: v => Math.abs(v), r: v => -v, crps: v => v, coverage90: v => Math.abs(v - .9), spread_skill: v => Math.abs(Math.log(v))};
  function build() {
    hold.replaceChildren();
    const rows = D.scores.filter(r => r.variable === state.variable && r.scale === state.scale && r.part === state.part);
    if (!rows.length) { hold.append(el("p", {className: "muted", textContent: "Not scored in this combination."})); return; }
    const gaps = Object.keys(GAPS).filter(g => rows.some(r => r.gap === g)), methods = Object.keys(METHODS).filter(m => rows.some(r => r.method === m));
    const get = (g, m) => rows.find(r => r.gap === g && r.method === m);
    keys(hold, methods.map(m => METHODS[m]));
    canvas(hold, 240, (g, width, height) => {
      const [, top] = extent([0], rows.flatMap(r => [r.rmse, r.rmse_high]));
      const a = axes(g, width, height, {x0: 0, x1: gaps.length, y0: 0, y1: top, xticks: gaps.map((k, i) => [i + .5, GAPS[k], false]), ylabel: `RMSE, ${UNIT[state.variable]}`, left: 64});
      gaps.forEach((gap, i) => methods.forEach((m, k) => {
        const r = get(gap, m); if (!r) return;
        const x = a.x(i + .5 + (k - (methods.length - 1) / 2) * .12), y = a.y(r.rmse);
        g.strokeStyle = g.fillStyle = css(METHODS[m][1]); g.lineWidth = 2;
        if (r.rmse_low !== null) { g.beginPath(); g.moveTo(x, a.y(r.rmse_low)); g.lineTo(x, a.y(r.rmse_high)); g.stroke(); }
        g.beginPath(); g.arc(x, y, m === "reanalysis" ? 5.5 : 4, 0, 7); g.fill();
      }));
    }).paint();
    for (const score of Object.keys(names)) {
      const table = el("table", {className: "score"});
      table.append(el("tr", {}, el("th", {textContent: names[score]}), ...methods.map(m => el("th", {textContent: METHODS[m][0]})), el("th", {textContent: state.scale === "daily" ? "days" : "half-hours"}), el("th", {textContent: "gaps"})));
      for (const gap of gaps) {
        const got = methods.map(m => get(gap, m)?.[score] ?? null), marks = got.map(v => v === null ? Infinity : merit[score](v)), best = Math.min(...marks);
        if (!got.some(v => v !== null)) continue;
        const any = methods.map(m => get(gap, m)).filter(Boolean);
        table.append(el("tr", {}, el("td", {textContent: GAPS[gap]}), ...got.map((v, i) => el("td", {textContent: number(v), className: marks[i] === best && isFinite(best) && marks.filter(k => k === best).length === 1 ? "best" : ""})), el("td", {textContent: Math.max(...any.map(r => r.n))}), el("td", {textContent: Math.max(...any.map(r => r.blocks))})));
      }
      if (table.rows.length > 1) hold.append(el("div", {className: "scroll"}, table), el("p"));
    }
  }
  chooser(bar, "Variable", unique("variable").map(v => [v, v]), v => { state.variable = v; build(); });
  chooser(bar, "Scale", unique("scale").map(v => [v, v === "daily" ? "daily" : "half-hourly"]), v => { state.scale = v; build(); });
  chooser(bar, "Part", [["all", "day and night"], ["day", "day only"], ["night", "night only"]], v => { state.part = v; build(); });
  build();
}
function innovationSection() {
  if (!D.innovations.length) return;
  const node = section("innovations", "Innovations", "Measurement minus model, divided by what the ensemble and the measurement error together expect. A well-tuned filter gives a histogram of unit width: the thin curve.");
  const grid = el("div", {className: "grid"}); keys(node, [["O − B, before", "--loop", "box"], ["O − A, after", "--accent"]]); node.append(grid);
  for (const v of D.innovations) {
    const box = el("div", {}, el("h3", {textContent: `${v.name} · ${v.used} of ${v.n} used`})); grid.append(box);
    canvas(box, 190, (g, width, height) => {
      const n = v.before.length, width1 = v.edges[1] - v.edges[0], total = Math.max(1, v.used);
      const mid = v.edges.slice(0, n).map(e => e + width1 / 2), before = v.before.map(c => c / total / width1), after = v.after.map(c => c / total / width1);
      const normal = mid.map(z => Math.exp(-z * z / 2) / Math.sqrt(2 * Math.PI));
      const a = axes(g, width, height, {x0: -5, x1: 5, y0: 0, y1: Math.max(...before, ...after, ...normal) * 1.08, xticks: [-4, -2, 0, 2, 4].map(t => [t, tickText(t)]), left: 44});
      g.fillStyle = css("--loop"); g.globalAlpha = .55;
      before.forEach((b, i) => g.fillRect(a.x(v.edges[i]) + .5, a.y(b), a.x(v.edges[i + 1]) - a.x(v.edges[i]) - 1, a.y(0) - a.y(b)));
      g.globalAlpha = 1;
      line(g, a, mid, after, css("--accent"), 2); line(g, a, mid, normal, css("--muted"), 1, [4, 3]);
    });
    canvas(box, 120, (g, width, height) => {
      const x0 = dayOf(1970, v.first_month), x1 = dayOf(1970, v.first_month + v.monthly.length), xs = v.monthly.map((_, i) => dayOf(1970, v.first_month + i) + 15);
      const a = axes(g, width, height, {x0, x1, y0: 0, y1: Math.max(2, ...v.monthly.filter(m => m !== null)) * 1.05, xticks: timeTicks(x0, x1, width), left: 44});
      line(g, a, [x0, x1], [1, 1], css("--muted"), 1, [4, 3]); line(g, a, xs, v.monthly, css("--loop"), 1.8);
    });
    box.append(el("p", {className: "muted", textContent: `Monthly ratio of actual to expected O − B; over all ${number(v.ratio)}.`}));
    const table = el("table", {className: "narrow"});
    table.append(el("tr", {}, el("th", {textContent: ""}), el("th", {textContent: "bias"}), el("th", {textContent: "RMS"})), el("tr", {}, el("td", {textContent: "before"}), el("td", {textContent: number(v.bias_before)}), el("td", {textContent: number(v.rms_before)})), el("tr", {}, el("td", {textContent: "after"}), el("td", {textContent: number(v.bias_after)}), el("td", {textContent: number(v.rms_after)})));
    for (const [why, count] of Object.entries(v.rejected)) table.append(el("tr", {}, el("td", {textContent: "not used: " + (why || "no reason given")}), el("td", {textContent: count}), el("td")));
    box.append(table);
  }
}
function provenanceSection() {
  const node = section("provenance", "Provenance");
  const table = el("table");
  const add = (key, value) => table.append(el("tr", {}, el("td", {textContent: key.replaceAll("_", " ")}), el("td", {className: "wrap", textContent: typeof value === "object" && value !== null ? JSON.stringify(value) : String(value ?? "–")})));
  for (const [k, v] of Object.entries(D.about)) if (k !== "provenance") add(k, v);
  for (const [k, v] of Object.entries(D.provenance)) add(k, v);
  node.append(el("div", {className: "scroll"}, table));
}
async function start() {
  const raw = Uint8Array.from(atob(document.getElementById("data").textContent.trim()), c => c.charCodeAt(0));
  D = await new Response(new Blob([raw]).stream().pipeThrough(new DecompressionStream("gzip"))).json();
  const a = D.about, bits = [];
  if (a.site && a.site !== a.title) bits.push(a.site);
  if (a.latitude != null) bits.push(`${(+a.latitude).toFixed(3)}° N, ${(+a.longitude).toFixed(3)}° E`);
  if (a.elevation != null) bits.push(`${a.elevation} m`);
  bits.push(`${dateText(D.daily.start)} to ${dateText(D.daily.start + D.daily.n - 1)}`);
  document.getElementById("where").textContent = bits.join(" · ");
  for (const [figure, unit, text] of D.facts) document.getElementById("facts").append(el("div", {className: "fact"}, el("b", {}, figure, el("small", {textContent: unit ? "\u00a0" + unit : ""})), el("span", {textContent: text})));
  for (const build of [seriesSection, fingerprintSection, cycleSection, budgetSection, soilSection, scoreSection, innovationSection, provenanceSection]) build();
  repaint();
  document.documentElement.dataset.ready = "yes";
}
const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)");
let chosen = null;
const theme = () => { root.dataset.theme = chosen ?? (dark.matches ? "dark" : "light"); repaint(); };
dark.addEventListener("change", theme);
document.getElementById("theme").onclick = () => { chosen = root.dataset.theme === "dark" ? "light" : "dark"; theme(); };
theme();
let waiting;
addEventListener("resize", () => { clearTimeout(waiting); waiting = setTimeout(repaint, 80); });
start().catch(error => {
  root.dataset.ready = "failed";
  document.getElementById("sections").append(el("section", {textContent: "The page could not unpack its data: " + error}));
  console.error(error);
});
