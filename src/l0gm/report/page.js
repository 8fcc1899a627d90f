
"use strict";
(() => {
  const NEAR = 18, MANY = 800;
  const hover = document.createElement("div");
  hover.className = "hover";
  hover.hidden = true;
  document.body.append(hover);
  let current = null;

  for (const mark of document.querySelectorAll(".tip")) {  // the browser's own label would stand beside ours
    const title = mark.querySelector("title");
    mark.dataset.tip = title.textContent;
    title.remove();
  }

  function distance(mark, x, y) {
    const box = mark.getBoundingClientRect();
    const outside = Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom));
    const away = Math.hypot((box.left + box.right) / 2 - x, (box.top + box.bottom) / 2 - y);
    return outside > NEAR ? Infinity : outside + away / 1000 + (box.width > 40 ? 1 : 0);
  }

  function nearest(figure, event) {
    const marks = figure.querySelectorAll(".tip");
    if (marks.length > MANY) return event.target.closest(".tip");
    let best = null, least = Infinity;
    for (const mark of marks) {
      const found = distance(mark, event.clientX, event.clientY);
      if (found < least) [best, least] = [mark, found];
    }
    return best;
  }

  function show(mark, x, y) {
    if (mark !== current) {
      if (current) current.classList.remove("on");
      current = mark;
      if (mark) { mark.classList.add("on"); hover.textContent = mark.dataset.tip; }
    }
    hover.hidden = !mark;
    if (!mark) return;
    const box = hover.getBoundingClientRect();
    hover.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 4))}px`;
    hover.style.top = `${y + 18 + box.height > innerHeight ? Math.max(4, y - box.height - 12) : y + 18}px`;
  }

  for (const figure of document.querySelectorAll("svg.figure")) {
    const move = (event) => show(nearest(figure, event), event.clientX, event.clientY);
    figure.addEventListener("pointermove", move);
    figure.addEventListener("pointerdown", move);
    figure.addEventListener("pointerleave", () => show(null));
  }
  addEventListener("scroll", () => show(null), { passive: true });
  addEventListener("beforeprint", () => {
    for (const details of document.querySelectorAll("details")) details.open = true;
  });
})();
