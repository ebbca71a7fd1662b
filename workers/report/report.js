"use strict";
for (const figure of document.querySelectorAll("figure")) {
  const source = figure.querySelector("script");
  if (!source) continue;
  const data = JSON.parse(source.textContent);
  const plot = figure.querySelector(".plot");
  const cursor = make("div", "cursor");
  const tip = make("div", "tip");
  const steps = data.days.length;
  const areas = data.kind === "areas";

  plot.addEventListener("pointermove", (event) => {
    const box = plot.getBoundingClientRect();
    const part = Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
    const step = areas ? Math.round(part * (steps - 1)) : Math.min(steps - 1, Math.floor(part * steps));
    const at = areas ? step / Math.max(1, steps - 1) : (step + 0.5) / steps;
    cursor.style.left = `${at * 100}%`;
    tip.replaceChildren(make("b", "", data.days[step]), ...rows(step));
    tip.style.left = at < 0.5 ? `calc(${at * 100}% + 0.8rem)` : "auto";
    tip.style.right = at < 0.5 ? "auto" : `calc(${(1 - at) * 100}% + 0.8rem)`;
    plot.append(cursor, tip);
  });
  plot.addEventListener("pointerleave", () => { cursor.remove(); tip.remove(); });

  function rows(step) {
    return [...data.series].reverse().map((series) => {
      const name = make("span");
      const swatch = make("i", "swatch");
      swatch.style.background = series.color;
      name.append(swatch, series.name);
      const row = make("div");
      row.append(name, make("span", "", series.values[step].toLocaleString("en")));
      return row;
    });
  }
}

function make(name, kind = "", text = "") {
  const node = document.createElement(name);
  if (kind) node.className = kind;
  node.textContent = text;
  return node;
}
