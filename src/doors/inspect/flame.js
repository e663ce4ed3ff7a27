// A click on a function makes it as wide as the graph; a click on a caller below it zooms out again.
const all = [...document.querySelectorAll("g")];
const at = all.map(g => {
  const box = g.querySelector("rect");
  return { x: +box.getAttribute("x"), w: +box.getAttribute("width"), name: g.querySelector("title").textContent };
});
all.forEach((g, i) => g.onclick = () => all.forEach((other, j) => {
  const scale = at[0].w / at[i].w;
  const from = Math.max(0, (at[j].x - at[i].x) * scale);
  const to = Math.min(at[0].w, (at[j].x + at[j].w - at[i].x) * scale);
  const width = Math.max(0, to - from), text = other.querySelector("text");
  const room = Math.floor((width - 6) / 7.3);
  other.style.display = width < 0.3 ? "none" : "";
  other.querySelector("rect").setAttribute("x", from);
  other.querySelector("rect").setAttribute("width", width);
  text.setAttribute("x", from + 3);
  text.textContent = room < 3 ? "" : at[j].name.slice(0, room);
}));
