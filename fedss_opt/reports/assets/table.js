// Tables that are sorted, searched and paged in the browser: only the rows of one page are in the document.
"use strict";
for (const holder of document.querySelectorAll("[data-table]")) {
  const size = 20;
  const id = holder.dataset.table;
  const data = fedss.table(id);
  const shown = data.columns.filter((column) => column.shown);
  const body = holder.querySelector("tbody");
  const search = holder.querySelector("[data-filter]");
  const choice = holder.querySelector("[data-choice]");
  const status = holder.querySelector("[data-status]");
  const [previous, next] = ["previous", "next"].map((way) => holder.querySelector(`[data-page="${way}"]`));
  let keys = [];
  let page = 0;
  let order = { key: null, down: false };

  const compare = new Intl.Collator("en", { numeric: true }).compare;
  function sorted(found) {
    if (order.key === null) return found;
    const column = data.byKey.get(order.key);
    const values = data.values[order.key];
    const way = order.down ? -1 : 1;
    if (column.kind !== "number") {
      const texts = new Map(found.map((key) => [key, fedss.text(data, column, key)]));
      return found.sort((a, b) => way * compare(texts.get(a), texts.get(b)) || a - b);
    }
    // What is unknown comes last, whichever the way.
    return found.sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
      return x === y ? a - b : way * (x < y ? -1 : 1);
    });
  }
  function matches() {
    const wanted = search.value.trim().toLowerCase();
    const limit = choice && choice.value !== "-1" ? data.choices[Number(choice.value)] : null;
    const names = data.columns.filter((column) => column.kind === "text" || column.kind === "choice");
    const found = [];
    for (let key = 0; key < data.size; key += 1) {
      if (limit !== null && data.values[limit[1]][key] !== limit[2]) continue;
      if (wanted && !names.some((column) => fedss.text(data, column, key).toLowerCase().includes(wanted))) continue;
      found.push(key);
    }
    return found;
  }
  function row(key) {
    const line = document.createElement("tr");
    line.dataset.key = key;
    shown.forEach((column, i) => {
      const content = fedss.text(data, column, key);
      const cell = fedss.element("td", "", column.kind === "number" ? "number" : "");
      if (i === 0) {
        const button = document.createElement("button");
        button.type = "button";
        button.dataset[data.row] = key;
        button.append(fedss.name(content));
        button.addEventListener("click", () => fedss.select(id, key));
        cell.append(button);
      } else {
        cell.textContent = content;
      }
      line.append(cell);
    });
    return line;
  }
  function highlight(picked) {
    for (const line of body.children) {
      const is = picked?.id === id && Number(line.dataset.key) === picked.key;
      line.classList.toggle("picked", is);
      line.querySelector("button")?.setAttribute("aria-pressed", String(is));
    }
  }
  function draw() {
    const pages = Math.max(1, Math.ceil(keys.length / size));
    page = Math.min(Math.max(page, 0), pages - 1);
    body.replaceChildren(...keys.slice(page * size, (page + 1) * size).map(row));
    const first = keys.length ? page * size + 1 : 0;
    const last = Math.min(keys.length, (page + 1) * size);
    const number = (value) => value.toLocaleString("en-US");
    status.textContent = `${number(first)} to ${number(last)} of ${number(keys.length)}`;
    previous.disabled = page === 0;
    next.disabled = page >= pages - 1;
    previous.hidden = next.hidden = pages === 1;
    highlight(fedss.picked());
  }
  function renew() {
    page = 0;
    keys = sorted(matches());
    draw();
  }
  for (const button of holder.querySelectorAll("[data-sort]")) {
    button.addEventListener("click", () => {
      const { sort } = button.dataset;
      const numeric = data.byKey.get(sort).kind === "number";
      order = { key: sort, down: order.key === sort ? !order.down : numeric };
      for (const head of holder.querySelectorAll("th")) head.removeAttribute("aria-sort");
      button.closest("th").setAttribute("aria-sort", order.down ? "descending" : "ascending");
      renew();
    });
  }
  let waiting = 0;
  search.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(renew, 120);
  });
  choice?.addEventListener("change", renew);
  previous.addEventListener("click", () => { page -= 1; draw(); });
  next.addEventListener("click", () => { page += 1; draw(); });
  document.addEventListener("fedss:select", (event) => highlight(event.detail));
  renew();
}
