// Makes the charts of a page interactive: values under the pointer, zooming, the same colours and text.
// The page has drawn them already; without this script they stay as they are.
"use strict";

(() => {
  const figures = [...document.querySelectorAll("[data-chart]")];
  const darkness = window.matchMedia("(prefers-color-scheme: dark)");
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const settings = { displayModeBar: false, responsive: true, showTips: false };

  function layout(height) {
    const font = getComputedStyle(document.body);
    return {
      height,
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: font.fontFamily, size: 12, color: color("--soft") },
      hoverlabel: {
        bgcolor: color("--raised"), bordercolor: color("--line"),
        font: { family: font.fontFamily, size: 12, color: color("--ink") },
      },
      showlegend: false,
    };
  }

  function overTime(data, box) {
    const filled = data.kind === "areas";
    const traces = data.series.map((series) => ({
      name: series.name,
      x: data.days,
      y: series.values,
      xhoverformat: "%Y-%m-%d",
      ...(filled
        ? { type: "scatter", mode: "lines", stackgroup: "all", line: { width: 0.7, color: color("--card") }, fillcolor: series.color }
        : { type: "bar", marker: { color: series.color } }),
    }));
    const axis = { gridcolor: color("--line"), linecolor: color("--soft"), zeroline: false, fixedrange: false };
    const narrow = box.clientWidth < 480;
    const labels = data.labels.filter((label) => !(narrow && label.late));
    return [traces, {
      ...layout(box.clientHeight),
      barmode: "stack",
      bargap: data.days.length < 120 ? 0.2 : 0,
      hovermode: "x unified",
      margin: { l: narrow ? 42 : 51, r: 0, t: 4, b: 24 },
      xaxis: {
        ...axis, type: "date", showgrid: false, ticklen: 3,
        tickvals: labels.map((label) => label.day), ticktext: labels.map((label) => label.text),
        range: filled ? [data.days[0], data.days[data.days.length - 1]] : undefined,
      },
      yaxis: { ...axis, rangemode: "tozero", nticks: 4, fixedrange: true },
    }];
  }

  function draw(figure) {
    const box = figure.querySelector("[data-plot]");
    const data = JSON.parse(figure.querySelector("script").textContent);
    const [traces, look] = overTime(data, box);
    const plot = document.createElement("div");
    plot.dataset.plot = "";
    plot.style.minHeight = `${box.clientHeight}px`;
    const name = box.querySelector("svg").getAttribute("aria-label");
    plot.setAttribute("role", "img");
    plot.setAttribute("aria-label", name || "");
    box.replaceWith(plot);
    window.Plotly.newPlot(plot, traces, look, settings);
    figure.dataset.drawn = "";
  }

  function drawAgain() {
    for (const figure of figures) {
      if ("drawn" in figure.dataset) {
        const plot = figure.querySelector("[data-plot]");
        const data = JSON.parse(figure.querySelector("script").textContent);
        const [traces, look] = overTime(data, plot);
        window.Plotly.react(plot, traces, look, settings);
      }
    }
  }

  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        seen.unobserve(entry.target);
        requestAnimationFrame(() => draw(entry.target));
      }
    }
  }, { rootMargin: "200px" });
  figures.forEach((figure) => seen.observe(figure));
  darkness.addEventListener("change", drawAgain);
})();
