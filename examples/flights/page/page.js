// Flights on a page as they are written: a list for what is there, a socket for what comes.

const api = document.querySelector("meta[name=api]").content; // filled in by who serves this
const airports = new Map(), airlines = new Map(); // by id
const dests = new Map(), carriers = new Map(), recent = []; // what was counted
const told = new Set(), marks = [], delays = { sum: 0, of: 0 };
let seen = 0, behind = null, cursor = null, wait = 500, stale = true;
const at = (id) => document.getElementById(id);

async function every(collection, into, take) {
  let next = "";
  do {
    const url = new URL(`/records/${collection}?limit=200${next}`, api);
    const page = await (await fetch(url)).json();
    for (const record of page.items) take(record, into);
    next = page.next ? `&cursor=${encodeURIComponent(page.next)}` : "";
  } while (next);
}

function listen() {
  const socket = new WebSocket(new URL("/realtime", api.replace(/^http/, "ws")));
  socket.onopen = () => {
    const asked = { type: "subscribe", id: "flights", collection: "flights" };
    socket.send(JSON.stringify(cursor ? { ...asked, cursor } : asked));
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === "ready") { wait = 500; say("open", "Live"); }
    if (message.type === "reload") { cursor = null; socket.close(); } // too long away to catch up
    if (message.type !== "change") return;
    cursor = message.cursor;
    if (message.kind === "created" && once(message.record.id)) take(message.record);
  };
  socket.onclose = () => {
    say("closed", "The connection was lost; trying again …");
    setTimeout(listen, wait *= Math.min(2, 15_000 / wait));
  };
}

function once(id) { // after coming back, what came last may come again
  if (told.has(id)) return false;
  if (told.add(id).size > 20_000) told.delete(told.values().next().value);
  return true;
}

function take(flight) {
  const now = Date.now();
  seen += 1;
  marks.push(now);
  behind = Math.max(0, now - Date.parse(flight.updated));
  if (flight.dep_delay != null) { delays.sum += flight.dep_delay; delays.of += 1; }
  count(dests, flight.dest, flight);
  count(carriers, flight.carrier, flight);
  recent.unshift(flight);
  recent.length = Math.min(recent.length, 12);
  stale = true;
}

function count(groups, key, { dep_delay: delay }) {
  const group = groups.get(key) ?? { flights: 0, delay: 0, of: 0 };
  group.flights += 1;
  if (delay != null) { group.delay += delay; group.of += 1; }
  groups.set(key, group);
}

function draw() {
  const now = Date.now();
  while (marks.length && marks[0] < now - 3000) marks.shift();
  at("speed").textContent = Math.round(marks.length / 3);
  if (stale) {
    stale = false;
    at("seen").textContent = seen.toLocaleString("en");
    at("late").textContent = delays.of ? (delays.sum / delays.of).toFixed(1) : "–";
    at("behind").textContent = behind == null ? "–" : (behind / 1000).toFixed(1);
    at("board").replaceChildren(...recent.map(row));
    bars();
    dots();
  }
  setTimeout(() => requestAnimationFrame(draw), 200);
}

function row(flight) {
  const cells = [
    flight.time_hour.slice(0, 10), `${flight.carrier} ${flight.flight}`, flight.origin,
    airports.get(flight.dest)?.name ?? flight.dest, flight.dep_delay ?? "cancelled",
  ].map((text) => made("td", {}, text));
  cells.at(-1).className = colour(flight.dep_delay ?? 99);
  const line = made("tr", {});
  line.append(...cells);
  return line;
}

function bars() {
  const most = Math.max(...[...carriers.values()].map((one) => one.flights));
  const sorted = [...carriers].sort(([, a], [, b]) => b.flights - a.flights).slice(0, 12);
  at("carriers").replaceChildren(...sorted.map(([id, { flights }]) => {
    const line = made("li", {}), name = airlines.get(id) ?? id;
    line.append(made("span", {}, name), made("span", {}, flights.toLocaleString("en")),
      made("progress", { value: flights, max: most, "aria-label": name }));
    return line;
  }));
}

const circles = new Map();
function dots() {
  const busiest = Math.max(...[...dests.values()].map((one) => one.flights));
  for (const [id, { flights, delay, of }] of dests) {
    const airport = airports.get(id);
    if (!airport || !inside(airport)) continue;
    if (!circles.has(id)) {
      circles.set(id, drawn("circle", { cx: x(airport), cy: y(airport) }));
      circles.get(id).append(drawn("title", {}));
      at("map").append(circles.get(id));
    }
    const circle = circles.get(id), average = of ? delay / of : 0;
    circle.setAttribute("r", 3 + 19 * Math.sqrt(flights / busiest));
    circle.setAttribute("fill", `var(--${colour(average)})`);
    circle.setAttribute("class", "dest");
    circle.firstChild.textContent = `${airport.name}: ${flights} flights, ${average.toFixed(0)} min late`;
  }
}

const inside = ({ lat, lon }) => lat > 24 && lat < 50 && lon > -126 && lon < -64;
const x = ({ lon }) => ((lon + 126) / 62) * 960;
const y = ({ lat }) => ((50 - lat) / 26) * 500;
const colour = (late) => (late < 10 ? "good" : late < 30 ? "late" : "bad");

function made(name, attributes, text) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  if (text != null) element.textContent = text;
  return element;
}

function drawn(name, attributes) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

function say(state, text) {
  at("state").dataset.state = state;
  at("state").textContent = text;
}

listen();
draw();
await every("airlines", airlines, (one, into) => into.set(one.id, one.name));
await every("airports", airports, (one, into) => {
  into.set(one.id, one);
  if (inside(one)) at("map").prepend(drawn("circle", { cx: x(one), cy: y(one), r: 1.4, class: "field" }));
});
stale = true;
