"use strict";
(function () {
  var figures = JSON.parse(document.getElementById("figures").textContent);
  var printing = false;

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  function themed(figure) {
    var ink = printing ? "#000" : colour("--ink");
    var line = printing ? "#bbb" : colour("--line");
    var layout = JSON.parse(JSON.stringify(figure.layout));
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.font = { family: "system-ui, sans-serif", size: 12, color: ink };
    layout.dragmode = false;
    (layout.annotations || []).forEach(function (note) { note.font.color = printing ? "#000" : colour("--rule"); });
    ["xaxis", "yaxis"].forEach(function (name) {
      layout[name] = Object.assign(
        { gridcolor: line, linecolor: line, zerolinecolor: line, fixedrange: true, tickfont: { size: 11 } },
        layout[name]
      );
    });
    return layout;
  }

  function scaleCounts(figure, layout) {
    var isLog = logarithmic.checked;
    var largest = 1;
    figure.data.forEach(function (trace, place) {
      var whole = trace.whole || (trace.whole = trace.width);
      trace.width = isLog ? whole / 2 : whole;
      trace.offset = isLog ? (place - 1) * trace.width : -whole / 2;
      trace.y.forEach(function (count) { largest = Math.max(largest, count); });
    });
    layout.barmode = isLog ? "overlay" : "stack";
    layout.yaxis.title.text = isLog ? "documents (log scale)" : "documents";
    if (isLog) Object.assign(layout.yaxis, { type: "log", range: [-0.3, Math.log10(largest) * 1.05 + 0.1], dtick: 1 });
  }

  function drawOne(id) {
    var figure = figures[id];
    var node = document.getElementById(id);
    var inGrid = node.closest(".grid") !== null;
    var layout = themed(figure);
    layout.width = printing ? (inGrid ? 330 : 680) : node.clientWidth;
    if (figure.narrow && layout.width < 480) layout.yaxis.ticktext = figure.narrow;
    if (id.startsWith("signal-")) scaleCounts(figure, layout);
    drawn[id] = layout.width;
    Plotly.react(node, figure.data, layout, { displayModeBar: false });
  }

  function draw() {
    Object.keys(figures).forEach(drawOne);
  }

  var drawn = {};
  var logarithmic = document.getElementById("logarithmic");
  draw();
  var observer = new ResizeObserver(function (entries) {
    entries.forEach(function (entry) {
      var width = entry.target.clientWidth;
      if (!printing && width && width !== drawn[entry.target.id]) drawOne(entry.target.id);
    });
  });
  Object.keys(figures).forEach(function (id) { observer.observe(document.getElementById(id)); });
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (node) { node.open = true; });
    printing = true;
    draw();
  });
  window.addEventListener("afterprint", function () { printing = false; draw(); });

  if (logarithmic) logarithmic.addEventListener("change", draw);
  document.documentElement.setAttribute("data-drawn", String(Object.keys(figures).length));
})();
