// Sends twenty requests at once, first by increment() and then naively, and shows what became of them.

const SENT = 20;
// So many of them read the session before any writes. Fewer than the six requests that a browser has under way to
// one host over HTTP/1.1: others have to tell how many wait, and to let them go on.
const TOGETHER = 4;
const PATIENCE = 20_000; // milliseconds for an answer
const LOOK_AGAIN = 20; // milliseconds

const experiment = document.getElementById("twenty");
const button = document.getElementById("twenty-button");
const status = document.getElementById("twenty-status");

async function send(method, path) {
  const options = { method, cache: "no-store", signal: AbortSignal.timeout(PATIENCE) };
  const answer = await fetch(experiment.dataset.lab + path, options);
  if (!answer.ok) throw new Error(`${method} ${path} was answered with ${answer.status}`);
  return answer.json();
}

function several(count, path) {
  return Array.from({ length: count }, () => send("POST", path));
}

async function untilTheyWait(gate) {
  const end = Date.now() + PATIENCE / 2;
  while ((await send("GET", `/gate/${gate}`)).waiting < TOGETHER && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN));
  }
}

async function count(way, key) {
  const before = (await send("GET", `/get/${key}`)).value;
  const gate = `twenty-${way}-${Date.now()}-${Math.floor(Math.random() * 1e9)}`;
  const first = Promise.allSettled(several(TOGETHER, `/twenty/${way}?gate=${gate}`));
  await untilTheyWait(gate);
  const opened = send("POST", `/gate/${gate}`);
  const others = Promise.allSettled(several(SENT - TOGETHER, `/twenty/${way}`));
  await opened;
  const answers = [...(await first), ...(await others)].filter((answer) => answer.status === "fulfilled");
  const after = (await send("GET", `/get/${key}`)).value;
  const cookies = answers.reduce((sum, answer) => sum + answer.value.cookies, 0);
  return { before, sent: SENT, answered: answers.length, cookies, after, lost: answers.length - (after - before) };
}

function show(way, facts) {
  for (const [name, value] of Object.entries(facts)) {
    document.getElementById(`${way}-${name}`).textContent = value;
  }
}

async function run() {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true"); // `disabled` would take the focus away
  status.textContent = "They are on their way …";
  try {
    await send("POST", "/twenty/begin");
    const exact = await count("exact", experiment.dataset.exact);
    show("exact", exact);
    const naive = await count("naive", experiment.dataset.naive);
    show("naive", naive);
    status.textContent = `Done. By increment() ${exact.lost} were lost, naively ${naive.lost}.`;
  } catch (problem) {
    status.textContent = `That did not work: ${problem.message}`;
  }
  button.setAttribute("aria-disabled", "false");
}

button.addEventListener("click", run);
button.hidden = false;
