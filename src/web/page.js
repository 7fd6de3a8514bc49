/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: which view the URL names, the stream of events, and what all views use. A view is
 * { title, load(args, query, shown), draw(main, data, args, query), follows }: load() fetches what
 * draw() shows, and draw() returns what shows later answers, or draws all anew and returns its
 * successor; follows names the events after which it is loaded again. Text of hosts goes into the
 * page by textContent only.
 */
import { mesh, pods } from "./mesh.js";
import { incidents, incident } from "./incidents.js";
import { pair } from "./pair.js";
import { coverage, hosts, links, paths, status } from "./tables.js";
import { el, get } from "./dom.js";

const views = { mesh, pods, pair, incidents, incident, hosts, paths, links, coverage, status };
/* Views that are reached from others. */
const parents = { incident: "incidents", pair: "mesh", pods: "mesh", paths: "hosts" };
const main = document.getElementById("main");
const live = document.getElementById("live");
const open = document.getElementById("open");
const TICK_MS = 5000, SLEPT_MS = 30000;
const LATE_MS = 45000; /* three comments of the stream are missing */

let shown = null; /* the place, its view, and what update() and instead are */
let loads = 0, again = null, due = 0;

/* "#/mesh/tor%2F1/tor2?at=5" -> { name: "mesh", args: ["tor/1", "tor2"], query: { at: "5" } } */
function where() {
	const [path, query] = location.hash.replace(/^#\/?/, "").split("?", 2);
	const parts = path.split("/").filter((p) => p !== "");
	const args = parts.slice(1).map((p) => {
		try { return decodeURIComponent(p); } catch { return p; }
	});
	return { name: views[parts[0]] ? parts[0] : "mesh", args, hash: location.hash,
		 query: Object.fromEntries(new URLSearchParams(query ?? "")) };
}

function markNav(name) {
	for (const a of document.querySelectorAll("nav a")) {
		const here = a.dataset.view === (parents[name] ?? name);
		if (here)
			a.setAttribute("aria-current", "page");
		else
			a.removeAttribute("aria-current");
	}
}

/* What was shown may be old, which the head of the page says. */
function failed(error) {
	if (!shown)
		main.replaceChildren(el("p", { class: "bad" },
			`No answer of rpingmesh-central: ${error.message}. It is tried again.`));
	soon(3000);
}

/* ---- a part of the mesh that central does not know: hosts have left, or are not there yet ---- */

const UNKNOWN_MS = 10000; /* between two requests for it */
let sought = 0;

/* The place itself, or the whole mesh instead of it. */
async function load(place, view) {
	const own = { view, data: null, args: place.args, query: place.query, instead: false };
	const inside = views[place.name] === mesh ? place.args.length > 0 : parents[place.name] === "mesh";

	if (!shown?.instead || Date.now() - sought > UNKNOWN_MS) {
		try {
			own.data = await view.load(place.args, place.query, shown?.instead ? null : shown);
			return own;
		} catch (error) {
			if (!inside || (error.status !== 400 && error.status !== 404))
				throw error;
			sought = Date.now();
		}
	}
	const data = await mesh.load([], {}, shown?.instead ? shown : null);
	/* It has come, or an answer was overtaken by it. */
	if (shown?.instead && place.args.every((name) => data.data.names.includes(name)))
		sought = 0;
	return { view: mesh, data, args: [], query: {}, instead: true };
}

function sayUnknown(place) {
	const room = el("div");
	main.append(el("p", { class: "bad", role: "status" }, "rpingmesh-central knows no such place at " +
		`this time: ${place.args.join(" → ")}. It may have left, or not be there yet. It is looked ` +
		"for again; this is the whole mesh."), room);
	return room;
}

/* Loads and draws the view of the URL. An answer that another one has overtaken is dropped. */
async function show(moved) {
	const place = where(), view = views[place.name], count = ++loads;

	if (moved) {
		markNav(place.name);
		document.title = `${view.title(place.args)} - rpingmesh`;
		main.replaceChildren(el("p", { class: "note" }, "loading …"));
		shown = null;
	}
	let got;
	try {
		got = await load(place, view);
	} catch (error) {
		if (count === loads)
			failed(error);
		return;
	}
	if (count !== loads)
		return;
	if (!shown || shown.hash !== place.hash || shown.instead !== got.instead) {
		main.replaceChildren();
		shown = { ...place, view: got.view, instead: got.instead };
		shown.update = got.view.draw(got.instead ? sayUnknown(place) : main, got.data, got.args,
			got.query);
		if (moved)
			main.focus({ preventScroll: true });
	} else {
		shown.update = shown.update(got.data) ?? shown.update;
	}
}

/* Several events at once load the view once; what is urgent does not wait for what is not. */
function soon(ms) {
	const at = Date.now() + ms;
	if (again && due <= at)
		return;
	clearTimeout(again);
	due = at;
	again = setTimeout(() => { again = null; show(false); }, ms);
}

async function countOpen() {
	try {
		const all = (await get("/api/1/incidents")).incidents.filter((i) => i.state === "open");
		open.textContent = all.length;
		open.hidden = all.length === 0;
		open.setAttribute("aria-label", `${all.length} open`);
	} catch { open.hidden = true; }
}

let heard = 0, asked = 0, source = null, retry = null;
function hear() {
	heard = Date.now();
	live.textContent = "live";
	live.classList.remove("off");
}

function lost(text) {
	live.textContent = text;
	live.classList.add("off");
}

/* A new stream begins with the event that fetches all. */
function follow() {
	source?.close();
	source = new EventSource("/api/1/events");
	source.addEventListener("begin", () => { hear(); soon(0); countOpen(); });
	for (const type of ["mesh", "incident", "status"])
		source.addEventListener(type, () => {
			hear();
			if (type === "incident")
				countOpen();
			if (shown && shown.view.follows.includes(type))
				soon(200);
		});
	source.onerror = () => {
		lost("rpingmesh-central does not answer; what you see is old");
		/* The browser tries again by itself, except after an answer such as 503. */
		if (source.readyState === EventSource.CLOSED && !retry)
			retry = setTimeout(() => { retry = null; follow(); }, 5000);
	};
}

/*
 * Nothing may say that a connection is dead, least of all on a machine that has slept. Then the
 * clock has jumped between two ticks. Browsers let those of a page that is not shown come once a
 * minute: this is no sleep. Then only a stream that says nothing has ended.
 */
let tick = Date.now();
function look() {
	const now = Date.now(), slept = Math.abs(now - tick) > SLEPT_MS && !document.hidden;
	tick = now;
	if (heard && (slept || now - heard > LATE_MS)) {
		lost(`nothing heard for ${Math.round((now - heard) / 1000)} s; what you see is old`);
		if (slept || now - asked > LATE_MS) {
			asked = now;
			follow();
		}
	}
}
setInterval(look, TICK_MS);
/* A view that was not shown. */
document.addEventListener("visibilitychange", () => {
	if (document.hidden)
		return;
	tick = Date.now();
	look();
	soon(0);
});
window.addEventListener("hashchange", () => show(true));
/* Canvases have the colours and the size of when they were drawn. */
const redraw = () => shown?.update?.redraw?.();
window.addEventListener("resize", redraw);
window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
follow();
countOpen();
show(true);
