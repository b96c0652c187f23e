// The shell of a report page: theme, data, charts, details, downloads. Text is only ever set as text.
"use strict";
window.fedss = (() => {
  const root = document.documentElement;
  root.dataset.script = "";
  const block = (id) => JSON.parse(document.getElementById(id).textContent);
  const unknown = "\u2013";
  const ladders = [["Hz", "kHz", "MHz", "GHz"], ["ns", "us", "ms", "s"], ["bit", "kbit", "Mbit", "Gbit"]];
  const ownDigits = { decimals: 3, numbers: new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 }) };
  const tables = new Map();
  const views = new Map();
  let picked = null;

  // -- light and dark: the reader's system decides until the button does
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const button = document.getElementById("theme");
  function paint(theme) {
    root.dataset.theme = theme;
    button.setAttribute("aria-pressed", String(theme === "dark"));
    button.textContent = theme === "dark" ? "Light" : "Dark";
    button.setAttribute("aria-label", theme === "dark" ? "Dark colours, now on" : "Dark colours, now off");
  }
  let chosen = false;
  paint(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => chosen || paint(dark.matches ? "dark" : "light"));
  button.addEventListener("click", () => {
    chosen = true;
    paint(root.dataset.theme === "dark" ? "light" : "dark");
  });

  // -- data
  function table(id) {
    if (!tables.has(id)) {
      const data = block(`data-${id}`);
      for (const column of data.columns) {
        const digits = { minimumFractionDigits: column.decimals, maximumFractionDigits: column.decimals };
        column.numbers = new Intl.NumberFormat("en-US", digits);
        if (column.kind === "number") {
          const numeric = { inf: Infinity, "-inf": -Infinity };
          data.values[column.key] = data.values[column.key].map((v) => (v === null ? NaN : (numeric[v] ?? v)));
        }
      }
      data.byKey = new Map(data.columns.map((column) => [column.key, column]));
      data.size = data.values[data.columns[0].key].length;
      tables.set(id, data);
    }
    return tables.get(id);
  }

  // What a column's decimals would round to nothing, or to -0, keeps digits of its own.
  function written(scaled, column) {
    if (scaled === 0) return "0";
    if (Math.abs(scaled) < 0.5 * 10 ** -column.decimals) return String(Number(scaled.toPrecision(2)));
    return column.numbers.format(scaled);
  }

  // Alone, a figure has the unit in which it reads best; under a head it has the column's.
  function measured(scaled, column) {
    const units = ladders.find((ladder) => ladder.includes(column.unit)) ?? [column.unit];
    let step = units.indexOf(column.unit);
    let size = scaled;
    for (; Math.abs(size) >= 1000 && step < units.length - 1; step += 1) size /= 1000;
    for (; size !== 0 && Math.abs(size) < 1 && step > 0; step -= 1) size *= 1000;
    const number = units[step] === column.unit ? written(scaled, column) : written(Number(size.toPrecision(4)), ownDigits);
    return `${number} ${units[step]}`;
  }

  // A sentence with the row's figures: two that differ look different.
  function filled(data, sentence, key) {
    const names = [...sentence.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const columns = names.map((name) => data.byKey.get(name));
    const values = columns.map((column) => data.values[column.key][key]);
    let texts = columns.map((column) => text(data, column, key, true));
    for (let digits = 5; digits <= 7 && texts[0] === texts[1] && values[0] !== values[1]; digits += 1) {
      texts = columns.map((column, i) => `${Number((values[i] / column.factor).toPrecision(digits))} ${column.unit}`);
    }
    return sentence.replace(/\{(\w+)\}/g, (_, name) => texts[names.indexOf(name)]);
  }

  // What stands on the page for one figure; `withUnit` where no head says the unit.
  function text(data, column, key, withUnit = false) {
    const value = data.values[column.key][key];
    if (column.kind === "text") return value;
    if (column.kind === "choice") return column.labels[value] ?? "";
    if (column.kind === "sentence") {
      return filled(data, column.labels[value] ?? "", key);
    }
    if (Number.isNaN(value)) return unknown;
    if (!Number.isFinite(value)) return column.infinite;
    return withUnit && column.unit ? measured(value / column.factor, column) : written(value / column.factor, column);
  }

  // Rows for charts: numbers in display units, and as text for tooltips; everything else as text.
  function rows(id, drawn = null) {
    const data = table(id);
    const keys = drawn ?? Array.from({ length: data.size }, (_, key) => key);
    return keys.map((key) => {
      const row = { key };
      for (const column of data.columns) {
        const value = data.values[column.key][key];
        if (column.kind !== "number") {
          row[column.key] = text(data, column, key);
        } else {
          row[column.key] = Number.isFinite(value) ? value / column.factor : null;
          row[`${column.key}_text`] = text(data, column, key);
        }
      }
      return row;
    });
  }

  // -- a row that the reader selects
  function element(tag, content = "", className = "") {
    const made = document.createElement(tag);
    made.textContent = content;
    if (className) made.className = className;
    return made;
  }
  function name(content) {
    const made = element("bdi", content);
    made.title = content;
    return made;
  }
  function select(id, key) {
    const data = table(id);
    if (!(key >= 0 && key < data.size)) return;
    picked = { id, key };
    const body = document.getElementById("details-body");
    const list = document.createElement("dl");
    const sentences = [];
    for (const column of data.columns.slice(1)) {
      const content = text(data, column, key, true);
      if (column.kind === "sentence") sentences.push(element("p", content));
      else if (content !== unknown) list.append(element("dt", column.title), element("dd", content));
    }
    const title = text(data, data.columns[0], key);
    const head = element("h2", /^\d+$/.test(title) ? `${data.row} ` : "");
    head.append(name(title));
    body.replaceChildren(head, ...sentences, list);
    for (const { title: what, labels, values } of data.lists) {
      const figures = document.createElement("dl");
      values[key].forEach((value, i) => {
        if (!value) return;
        const term = element("dt");
        term.append(name(labels[i]));
        figures.append(term, element("dd", Number(value).toLocaleString("en-US", { maximumSignificantDigits: 4 })));
      });
      body.append(element("h3", what), figures.children.length ? figures : element("p", "nothing"));
    }
    body.scrollTop = 0;
    document.getElementById("details").hidden = false;
    announce();
  }
  function close() {
    if (picked === null) return;
    const { id, key } = picked;
    const hadFocus = document.getElementById("details").contains(document.activeElement);
    picked = null;
    document.getElementById("details").hidden = true;
    announce();
    if (hadFocus) document.querySelector(`#table-${id} [data-${table(id).row}="${key}"]`)?.focus();
  }
  function announce() {
    for (const { source, view } of views.values()) {
      if (source !== null) view.signal("picked", picked?.id === source ? picked.key : -1).runAsync();
    }
    document.dispatchEvent(new CustomEvent("fedss:select", { detail: picked }));
  }
  document.getElementById("details-close").addEventListener("click", close);
  document.addEventListener("keydown", (event) => event.key === "Escape" && close());

  // -- files
  function csv(id) {
    const data = table(id);
    const columns = data.columns.filter((column) => column.csv);
    const cell = (content) => {
      if (typeof content === "number") return Number.isNaN(content) ? "" : String(content).replace("Infinity", "inf");
      const harmless = /^\s*[=+\-@]|^[\t\r]/.test(content) ? `'${content}` : content;
      return /[",\n\r]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
    };
    const lines = [columns.map((column) => column.csv).concat(...data.lists.map((list) => list.labels.map(
      (label) => `${list.key}:${label}`))).map(cell)];
    for (let key = 0; key < data.size; key += 1) {
      const figures = columns.map((column) => (
        column.kind === "number" ? data.values[column.key][key] : text(data, column, key)
      ));
      lines.push(figures.concat(...data.lists.map((list) => list.values[key])).map(cell));
    }
    return lines.map((line) => `${line.join(",")}\n`).join("");
  }
  function save(blob, filename) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = filename;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }
  for (const file of block("download-data")) {
    document.getElementById(`download-${file.id}`).addEventListener("click", () => {
      const content = file.table === null ? file.text : csv(file.table);
      save(new Blob([content], { type: file.type }), file.filename);
    });
  }

  // -- charts: Vega's expressions are interpreted (`ast`), as the page's policy lets nothing be compiled
  async function draw({ id, spec, datasets, drawn }) {
    const holder = document.querySelector(`[data-chart="${id}"]`);
    if (holder === null) return;
    try {
      spec.datasets = { ...spec.datasets };
      for (const [dataset, source] of Object.entries(datasets)) spec.datasets[dataset] = rows(source, drawn);
      const { view } = await window.vegaEmbed(holder, spec, {
        actions: false,
        ast: true,
        renderer: "svg",
        defaultStyle: false,
        tooltip: { theme: "page", disableDefaultStyle: true },
      });
      const [source] = Object.values(datasets);
      let picks = source !== undefined;
      try { view.signal("picked"); } catch { picks = false; }
      views.set(id, { view, source: picks ? source : null }); // whose selected row it shows
      view.addEventListener("click", (_, item) => {
        if (source && typeof item?.datum?.key === "number") select(source, item.datum.key);
      });
      holder.querySelector("svg")?.setAttribute("aria-hidden", "true");
      holder.dataset.drawn = "true";
    } catch (error) {
      holder.dataset.drawn = "failed";
      holder.textContent = "This chart could not be drawn.";
      console.error(error);
    }
  }
  document.addEventListener("DOMContentLoaded", async () => {
    for (const chart of block("chart-data")) {
      await draw(chart);
      await new Promise((resolve) => setTimeout(resolve)); // let the page answer between two charts
    }
    root.dataset.ready = "";
    document.dispatchEvent(new CustomEvent("fedss:ready"));
  });

  const view = (id) => views.get(id)?.view;
  return { close, csv, element, name, picked: () => picked, rows, save, select, table, text, view };
})();
