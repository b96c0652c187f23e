// What only the browser knows: which blocks are too wide for the window. Those can be scrolled with the keyboard too.
"use strict";

function reachable() {
  for (const block of document.querySelectorAll("pre, .table-wrapper, div.math")) {
    if (block.scrollWidth > block.clientWidth) {
      block.tabIndex = 0;
    } else {
      block.removeAttribute("tabindex");
    }
  }
}

window.addEventListener("load", () => {
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Site");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
  reachable();
});
window.addEventListener("resize", reachable);
