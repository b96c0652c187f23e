// The page of an experiment: which pairs are shown, which stands out, and against what.
"use strict";
(() => {
  const all = (selector) => [...document.querySelectorAll(selector)];
  const algorithms = all("[data-algorithm]");
  const policies = all("[data-policy]");
  const on = (buttons, name) => buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset[name]);

  function set(charts, signals) {
    for (const id of charts) {
      const view = fedss.view(id);
      if (view === undefined) continue;
      for (const [name, value] of Object.entries(signals)) view.signal(name, value);
      view.runAsync();
    }
  }
  const accuracy = all("[data-axis]").map((part) => `accuracy-${part.dataset.axis}`);

  // -- who is shown
  function show() {
    const shown = on(algorithms, "algorithm");
    // A page of one policy has no buttons for it.
    const under = policies.length ? on(policies, "policy") : null;
    const bands = shown.length * (under === null ? 1 : under.length) <= 4;
    set(accuracy, { shown_algorithms: shown, bands, ...(under === null ? {} : { shown_policies: under }) });
    set(["tasks"], { shown_algorithms: shown });
  }
  for (const button of [...algorithms, ...policies]) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      show();
    });
    const lit = { lit_algorithm: button.dataset.algorithm ?? "", lit_policy: button.dataset.policy ?? "" };
    const light = () => button.getAttribute("aria-pressed") === "true" && set([...accuracy, "tasks"], lit);
    const dim = () => set([...accuracy, "tasks"], { lit_algorithm: "", lit_policy: "" });
    button.addEventListener("pointerenter", light);
    button.addEventListener("focus", light);
    button.addEventListener("pointerleave", dim);
    button.addEventListener("blur", dim);
  }
  for (const [id, buttons] of [["all-algorithms", algorithms], ["all-policies", policies]]) {
    document.getElementById(id)?.addEventListener("click", () => {
      const every = buttons.every((button) => button.getAttribute("aria-pressed") === "true");
      for (const button of buttons) button.setAttribute("aria-pressed", String(!every));
      show();
    });
  }

  // -- against what
  function turn(axis) {
    for (const part of all("[data-axis]")) part.hidden = part.dataset.axis !== axis;
    window.dispatchEvent(new Event("resize")); // a chart that was hidden had no width
  }
  for (const input of all('input[name="axis"]')) input.addEventListener("change", () => turn(input.value));

  // -- the row of the summary that is selected: its lines stand out, shown or not
  document.addEventListener("fedss:select", (event) => {
    const pair = event.detail?.id === "summary" ? event.detail.key : -1;
    if (pair >= 0) {
      const { values } = fedss.table("summary");
      for (const button of algorithms) {
        if (button.dataset.algorithm === values.algorithm[pair]) button.setAttribute("aria-pressed", "true");
      }
      for (const button of policies) {
        if (button.dataset.policy === values.policy[pair]) button.setAttribute("aria-pressed", "true");
      }
      show();
    }
    set([...accuracy, "tasks"], { lit_pair: pair });
  });

  // Paper has no fields: it says what was chosen.
  function tell(field) {
    const words = document.querySelector(`[data-chosen="${field.id}"]`);
    words.textContent = field.selectedOptions[0].textContent;
  }

  // -- one run, one algorithm, one policy
  function choose(id, charts, signal, read = String) {
    const field = document.getElementById(id);
    field?.addEventListener("change", () => {
      set(charts, { [signal]: read(field.value) });
      tell(field);
    });
  }
  choose("times-algorithm", ["times"], "algorithm");
  choose("tasks-policy", ["tasks"], "policy");
  choose("relevance-run", ["relevance-measured", "relevance-quantised", "relevance-neurons"], "run", Number);

  // -- who was selected when: four states in a byte, from its lowest bits
  const names = ["absent", "there, not selected", "selected", "selected, failed or late"];
  function cells(place) {
    const { values } = fedss.table("grids");
    const codes = atob(values.states[place]);
    const clients = values.clients[place];
    const found = [];
    values.rounds[place].split(" ").forEach((round, i) => {
      for (let client = 0; client < clients; client += 1) {
        const at = i * clients + client;
        const state = (codes.charCodeAt(at >> 2) >> (2 * (at & 3))) & 3;
        found.push({ round: Number(round), client: client + 1, state: names[state] });
      }
    });
    return found;
  }
  const run = document.getElementById("selection-run");
  function fill() {
    const view = fedss.view("selection");
    if (view === undefined) return;
    // A page of one pair has no field.
    const place = run === null ? 0 : fedss.table("grids").values.run.indexOf(Number(run.value));
    view.data("cells", cells(place)).runAsync();
  }
  run?.addEventListener("change", () => {
    fill();
    tell(run);
  });

  // -- the rounds of all runs, unpacked when they are asked for
  document.getElementById("download-results-csv")?.addEventListener("click", async () => {
    const text = atob(document.getElementById("packed-results").textContent);
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const unpacks = "DecompressionStream" in window;
    const stream = new Blob([bytes]).stream();
    const content = await new Response(unpacks ? stream.pipeThrough(new DecompressionStream("gzip")) : stream).blob();
    fedss.save(content, unpacks ? "results.csv" : "results.csv.gz");
  });

  document.addEventListener("fedss:ready", () => {
    for (const holder of all("[data-chart]")) {
      fedss.view(holder.dataset.chart)?.addEventListener("click", (_, item) => {
        if (typeof item?.datum?.pair === "number") fedss.select("summary", item.datum.pair);
      });
    }
    show();
    fill();
    if (accuracy.length) turn(document.querySelector('input[name="axis"]:checked').value);
  });
})();
