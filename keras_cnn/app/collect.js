// The cards of the classes: a button held down sends pictures of the camera, one after the other.
const idle = 30000; // milliseconds without a picture, after which the camera is switched off
const side = 640; // pixels of a picture's longer side
let stream = null, recording = null, off = null;
const screen = () => document.querySelector("#collect-camera video");
const open = async () => {
  if (stream) return;
  if (!navigator.mediaDevices) throw new Error("https");
  stream = await navigator.mediaDevices.getUserMedia({ video: { width: side, height: 480 } });
  screen().srcObject = stream;
  await screen().play();
};
const close = () => {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  if (screen()) screen().srcObject = null;
};
const typed = () => {
  const { name, classes } = element.querySelector("[data-name]").dataset;
  return { name, classes };
};
const picture = () => {
  const canvas = document.createElement("canvas"), shown = screen();
  const share = Math.min(1, side / Math.max(shown.videoWidth, shown.videoHeight));
  canvas.width = Math.round(share * shown.videoWidth);
  canvas.height = Math.round(share * shown.videoHeight);
  canvas.getContext("2d").drawImage(shown, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL("image/jpeg", 0.92);
};
const record = async (label) => {
  recording = label;
  clearTimeout(off);
  try {
    await open();
    do {
      props.value = await server.keep({ ...typed(), label, picture: picture() });
      await new Promise((done) => setTimeout(done, 120));
    } while (recording === label);
  } catch (error) {
    if (!stream) element.querySelector(".refused").hidden = false;
    recording = null;
  }
  off = setTimeout(close, idle);
};
element.addEventListener("pointerdown", (event) => {
  const button = event.target.closest("[data-record]");
  if (!button || recording) return;
  event.preventDefault();
  record(button.dataset.record);
});
for (const name of ["pointerup", "pointercancel", "blur"])
  window.addEventListener(name, () => (recording = null));
element.addEventListener("contextmenu", (event) => event.preventDefault());
element.addEventListener("click", async (event) => {
  const last = event.target.closest("[data-remove]");
  if (last) props.value = await server.remove({ ...typed(), label: last.dataset.remove });
  const button = event.target.closest("[data-record]");
  if (button && event.detail === 0) {
    record(button.dataset.record); // by the keyboard: one picture
    recording = null;
  }
});
