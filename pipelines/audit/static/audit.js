// Keys for those who do not want to reach for the mouse; without this file every page works the same.
const links = () => [...document.querySelectorAll("main table a, main svg a")];
const move = (step) => {
  const all = links(), at = all.indexOf(document.activeElement);
  (all[Math.min(Math.max(at + step, 0), all.length - 1)] || document.body).focus();
};
const search = () => {
  const box = document.getElementById("q");
  box.focus();
  box.select();
};
const keys = { "/": search, j: () => move(1), k: () => move(-1), p: () => print() };
document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select, textarea");
  if (!typing && !event.ctrlKey && !event.metaKey && !event.altKey && keys[event.key]) {
    event.preventDefault();
    keys[event.key]();
  }
});
