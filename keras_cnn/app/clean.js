// Keys and buttons of the Clean tab: each sends {action, index, label} of the picture that is shown.
const typing = (target) => target.closest?.("input, textarea, select, [contenteditable=true]");
const send = (button) => {
  const card = element.querySelector("[data-index]");
  if (!card || !button || button.disabled) return;
  trigger("click", {
    action: button.dataset.action,
    label: Number(button.dataset.label ?? -1),
    index: Number(card.dataset.index),
  });
};
element.addEventListener("click", (event) => send(event.target.closest("button[data-action]")));
document.addEventListener("keydown", (event) => {
  const isUndo = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "z";
  const isPlain = !(event.ctrlKey || event.metaKey || event.altKey);
  if (!element.isConnected || !element.offsetParent || event.repeat) return;
  if (typing(event.target) || !(isUndo || isPlain)) return;
  // An input method for Chinese hides the letter.
  const letter = event.key === "Process" ? event.code.replace(/^(Key|Digit)/, "") : event.key;
  const key = isUndo ? "u" : letter.toLowerCase();
  const button = [...element.querySelectorAll("button[data-keys]")].find((each) =>
    each.dataset.keys.split(" ").includes(key),
  );
  if (!button) return;
  event.preventDefault();
  send(button);
});
let isShown = false;
watch("value", () => {
  const card = element.querySelector("[data-index]");
  if (card && !isShown) {
    document.activeElement?.blur(); // so that keys reach the card, not the text box
    card.scrollIntoView({ behavior: "smooth" });
  }
  isShown = Boolean(card);
});
