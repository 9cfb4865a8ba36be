"use strict";
// Records or uploads speech, posts it to /predict, and shows what comes back. Texts go in as text, never as HTML.

const find = (id) => document.getElementById(id);
const COLOURS = 8;
let about = { title: "Demo", examples: [], max_bytes: Infinity, max_seconds: Infinity };
let recording = null;
let playing = null;

function say(text, isError = false) {
  find("message").textContent = text;
  find("message").classList.toggle("error", isError);
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

// A 16-bit PCM WAV file of one channel.
function wavBlob(pieces, rate) {
  const count = pieces.reduce((sum, piece) => sum + piece.length, 0);
  const view = new DataView(new ArrayBuffer(44 + 2 * count));
  const ascii = (offset, text) => [...text].forEach((c, i) => view.setUint8(offset + i, c.charCodeAt(0)));
  ascii(0, "RIFF");
  view.setUint32(4, 36 + 2 * count, true);
  ascii(8, "WAVEfmt ");
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, rate, true);
  view.setUint32(28, 2 * rate, true);
  view.setUint16(32, 2, true);
  view.setUint16(34, 16, true);
  ascii(36, "data");
  view.setUint32(40, 2 * count, true);
  let offset = 44;
  for (const piece of pieces) {
    for (const sample of piece) {
      view.setInt16(offset, Math.max(-32768, Math.min(32767, Math.round(32768 * sample))), true);
      offset += 2;
    }
  }
  return new Blob([view], { type: "audio/wav" });
}

async function startRecording() {
  // What a telephone call wants to have cleaned is what the model wants to hear.
  const constraints = { audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } };
  const stream = await navigator.mediaDevices.getUserMedia(constraints);
  const context = new AudioContext();
  await context.audioWorklet.addModule("recorder.js");
  const node = new AudioWorkletNode(context, "recorder", { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
  const pieces = [];
  node.port.onmessage = (event) => pieces.push(event.data);
  context.createMediaStreamSource(stream).connect(node);
  const timer = setTimeout(stopRecording, 1000 * about.max_seconds);
  recording = { stream, context, pieces, timer };
  find("record").textContent = "Stop";
  find("record").classList.add("on");
  say("Recording: speak, then press Stop.");
}

async function stopRecording() {
  const { stream, context, pieces, timer } = recording;
  recording = null;
  clearTimeout(timer);
  stream.getTracks().forEach((track) => track.stop());
  const rate = context.sampleRate;
  await context.close();
  find("record").textContent = "Record";
  find("record").classList.remove("on");
  await judge(wavBlob(pieces, rate), "recording");
}

async function judge(blob, name) {
  if (blob.size > about.max_bytes) {
    say(`${name} is larger than ${(about.max_bytes / 2 ** 20).toFixed(0)} MiB: choose a shorter piece.`, true);
    return;
  }
  const headers = { "Content-Type": blob.type.startsWith("audio/") ? blob.type : "application/octet-stream" };
  await ask("predict", { method: "POST", headers, body: blob }, name, URL.createObjectURL(blob));
}

async function ask(address, request, name, sound) {
  say("Listening ...");
  let answer;
  try {
    const response = await fetch(address, request);
    answer = await response.json();
    if (!response.ok) throw new Error(answer.error);
  } catch (error) {
    say(`${name}: ${error.message}`, true);
    return;
  }
  say("");
  show(answer, name, sound);
  remember(answer, name);
}

function show(answer, name, sound) {
  const names = Object.keys(answer.classes);
  find("result").hidden = false;
  find("predicted").textContent = answer.predicted;
  find("details").textContent = `${name}, ${answer.duration.toFixed(2)} s`;
  drawWaveform(answer.waveform);
  if (playing && playing.startsWith("blob:")) URL.revokeObjectURL(playing);
  playing = sound;
  find("player").src = sound;
  const bars = names.map((label, index) => {
    const bar = element("div", label === answer.predicted ? "bar first" : "bar");
    const track = element("div", "track");
    const fill = element("div", `fill colour${index % COLOURS}`);
    fill.style.width = `${100 * answer.classes[label]}%`;
    track.append(fill);
    bar.append(element("span", "name", label), track, element("span", "", `${(100 * answer.classes[label]).toFixed(1)} %`));
    return bar;
  });
  find("bars").replaceChildren(...bars);
}

function remember(answer, name) {
  const row = element("tr", "");
  const strip = element("div", "strip");
  Object.entries(answer.classes).forEach(([label, share], index) => {
    const part = element("div", `colour${index % COLOURS}`);
    part.style.width = `${100 * share}%`;
    part.title = `${label} ${(100 * share).toFixed(1)} %`;
    strip.append(part);
  });
  const last = element("td", "");
  last.append(strip);
  row.append(element("td", "", name), element("td", "", `${answer.duration.toFixed(2)} s`));
  row.append(element("td", "", answer.predicted), last);
  find("history").prepend(row);
  find("past").hidden = false;
}

function drawWaveform(columns) {
  const canvas = find("waveform");
  const pen = canvas.getContext("2d");
  const middle = canvas.height / 2;
  pen.clearRect(0, 0, canvas.width, canvas.height);
  pen.fillStyle = "#0072b2";
  const width = canvas.width / columns.length;
  columns.forEach(([low, high], index) => {
    pen.fillRect(index * width, middle - high * middle, width, Math.max(1, (high - low) * middle));
  });
}

find("record").addEventListener("click", async () => {
  find("record").disabled = true;  // until the microphone is on or off
  try {
    await (recording ? stopRecording() : startRecording());
  } catch (error) {
    say(`No microphone: ${error.message}. Upload a file instead.`, true);
  }
  find("record").disabled = false;
});
find("upload").addEventListener("change", async (event) => {
  const [file] = event.target.files;
  if (file) await judge(file, file.name);
  event.target.value = "";  // the same file may be chosen again
});
find("try").addEventListener("click", async () => {
  const number = find("examples").value;
  await ask(`predict?example=${number}`, { method: "POST" }, about.examples[number], `examples/${number}`);
});

(async () => {
  about = await (await fetch("about")).json();
  document.title = find("title").textContent = about.title;
  find("choice").hidden = about.examples.length === 0;
  about.examples.forEach((name, number) => find("examples").append(new Option(name, number)));
})();
