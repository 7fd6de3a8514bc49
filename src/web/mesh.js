/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mesh: who probes in rows, who is probed in columns. First ToR by ToR, of now or of a minute of
 * the past, or pod by pod where there are many ToRs; then the ToRs of two pods; then the ports under
 * two ToRs, which lead to two ports (pair.js).
 */
import { clock, csvLink, el, get, micro, percent } from "./dom.js";
import { Grid, SHOWN } from "./grid.js";
import { HeatMap, legend } from "./map.js";

const DAY_NS = 86400e9;
const LIST_MS = 15000; /* after so long, an open map asks for new minutes */

/* inPods: the arguments are pods, not ToRs. */
function path(inPods, args, query, since) {
	const more = new URLSearchParams();
	if (args.length) {
		more.set("from", args[0]);
		more.set("to", args[1] ?? args[0]);
	}
	if (inPods || !args.length)
		more.set("pods", 1); /* if there are many ToRs */
	if (query.at)
		more.set("at", query.at);
	else if (since)
		more.set("since", since);
	return `/api/1/mesh${more.size ? `?${more}` : ""}`;
}

/* ---- words ---- */

function times(cell) {
	const rtt = [];
	if (cell.p50_ns !== null)
		rtt.push(`median ${micro(cell.p50_ns)}`);
	if (cell.p99_ns !== null)
		rtt.push(`99th percentile ${micro(cell.p99_ns)}`);
	if (cell.usual_ns !== null)
		rtt.push(`usual ${micro(cell.usual_ns)}`);
	return rtt.length ? `RTT ${rtt.join(", ")}` : `RTT ${micro(cell.rtt_ns)} on average`;
}

/* Hosts of older builds, and maps of the past, do not say. */
function held(grid, from, to) {
	const [p50, p99] = [grid.held(from, to, 0), grid.held(from, to, 1)];
	return p99 === null ? "" : `, hosts took up to ${micro(p50)}, 99th percentile ${micro(p99)}`;
}

function sentence(grid, from, to) {
	const names = `${grid.names[from]} → ${grid.names[to]}`, cell = grid.cell(from, to);

	if (!cell && !grid.probes[from])
		return `${names}: no report. The hosts of ${grid.names[from]} have left, are drained or silent; ` +
			"see Hosts.";
	if (!cell)
		return `${names}: not probed in ${grid.window_s} s: not in the plan at this time.`;
	return `${names}: ${percent(cell.lost, cell.answered + cell.lost)} lost ` +
		`(${cell.lost} of ${cell.answered + cell.lost}), ${times(cell)}` + held(grid, from, to) +
		(cell.noise ? `, ${cell.noise} not judged because a host stalled` : "") + ".";
}

/* ---- what is muted ---- */

/* The names of hosts and switches of which something is muted, and that are drained. */
async function mutedNames() {
	const names = new Set();
	for (const i of (await get("/api/1/incidents")).incidents)
		for (const c of i.muted ? i.culprits : [])
			for (const name of [c.host, ...c.name.split(/ <?-> /)])
				if (name)
					names.add(name);
	return names;
}

/* A port, or the switches of some ports. */
const isMuted = (names, name) => names.has(name) || names.has(name.split("/")[0]) ||
	name.split("+").some((tor) => names.has(tor));

/* ---- the slider ---- */

/* The kept minutes of the last day, oldest first. */
async function minutes() {
	const list = [];
	const { runs, step_s } = await get("/api/1/mesh/times");
	const begin = Date.now() * 1e6 - DAY_NS;
	for (const [first, last] of runs)
		for (let at = first; at <= last; at += (step_s || 60) * 1e9)
			if (at >= begin)
				list.push(at);
	return list;
}

/* It is hidden until a minute is kept. take(list): minutes are kept, or forgotten. */
function slider(query) {
	let list = [], at = query.at ? Number(query.at) : null; /* at: where it is; null: now */
	const text = el("output");
	const range = el("input", { type: "range", id: "when", min: 0, step: 1,
		oninput: () => { at = list[range.value] ?? null; say(); },
		onchange: () => { location.hash = at === null ? "#/mesh" : `#/mesh?at=${at}`; } });
	const element = el("label", { class: "when", hidden: true }, "When", range, text);
	function say() {
		text.textContent = at === null ? "now" : clock(at);
		range.setAttribute("aria-valuetext", text.textContent);
	}
	function take(more) {
		list = more;
		element.hidden = !list.length;
		range.max = list.length;
		range.value = at === null ? list.length : Math.max(0, list.findLastIndex((m) => m <= at));
		say();
	}
	return { element, take, time: Date.now() };
}

/* ---- the view ---- */

/* What is chosen holds while one goes down and back. */
const chosen = { by: "loss", bad: false, order: "name" };

const COLUMNS = ["from", "to", "sent", "answered", "lost", "noise", "rtt_ns", "p50_ns", "p99_ns",
	"usual_ns", "prober_p50_ns", "prober_p99_ns", "responder_p50_ns", "responder_p99_ns"].map((name) => ({ name, value: (row) => row[name] }));

/* How long probes take inside the slowest host of a row, and of a column. */
function inside({ delays }, from, to) {
	if (!delays)
		return {};
	const [a, b] = [delays[from], delays[to]].map((list) => list.map((ns) => ns || null));
	return { prober_p50_ns: a[0], prober_p99_ns: a[1], responder_p50_ns: b[2],
		responder_p99_ns: b[3] };
}

function rowsOf(grid) {
	return Array.from({ length: grid.used }, (_, i) => [Math.floor(grid.at[i] / grid.n),
		grid.at[i] % grid.n]).map(([from, to]) => ({ from: grid.names[from], to: grid.names[to],
		...grid.cell(from, to), ...inside(grid, from, to) })).filter((row) => row.sent);
}

function choice(id, options, done) {
	const select = el("select", { id, onchange: () => { chosen[id] = select.value; done(); } },
		...options.map(([value, text]) => el("option", { value }, text)));
	select.value = chosen[id];
	return select;
}

/* Where one is: all ToRs, two of them, or a minute of the past. */
function heading(inPods, args, query, data) {
	const what = data.pods ? "Pod by pod" : "ToR by ToR";
	if (args.length)
		return el("h2", {}, el("a", { href: query.at ? `#/mesh?at=${query.at}` : "#/mesh" }, inPods ?
			"All pods" : "All ToRs"), `: ${args[0]} → ${args[1] ?? args[0]}`,
		query.at ? `, the minute from ${clock(data.time_ns)}` : "");
	return el("h2", {}, query.at ? `${what}, ${data.time_ns ? `the minute from ${clock(data.time_ns)}` :
		"of a time that is not kept"}` : what);
}

/* Where one was in each map that one has left by opening a cell, as [from, to]. */
const places = new Map();
const PLACES = 50;

function leave(place, names) {
	places.delete(place);
	places.set(place, names);
	if (places.size > PLACES)
		places.delete(places.keys().next().value);
}

const view = (inPods) => ({
	title: (args) => args.length ? `${args[0]} → ${args[1] ?? args[0]}` : "Mesh",
	follows: ["mesh"],
	async load(args, query, shown) {
		const since = shown && !args.length && !query.at ? shown.update.time() : null;
		const [data, muted, list] = await Promise.all([get(path(inPods, args, query, since)),
			mutedNames().catch(() => new Set()),
			args.length || (shown && !shown.update.wantsMinutes()) ? null :
				minutes().catch(() => null)]);
		return { data, muted, minutes: list };
	},
	draw(main, { data, muted, minutes: list }, args, query) {
		const when = slider(query), here = args.length || query.at ? location.hash : "#/mesh";
		const about = el("p", { id: "about", role: "status" }), room = el("div", { id: "map" });
		const key = el("div"), empty = el("p", { class: "note" });
		let quiet = muted;
		const map = new HeatMap(new Grid(data), { pick, muted: (name) => isMuted(quiet, name),
			say: (from, to) => { about.textContent = sentence(map.grid, from, to); } });
		const bad = el("input", { type: "checkbox", id: "bad",
			onchange: () => { chosen.bad = bad.checked; again(); } });
		bad.checked = chosen.bad;
		function pick(from, to) {
			const [a, b] = [map.grid.names[from], map.grid.names[to]];
			const next = data.pods ? "pods" : args.length && !inPods ? "pair" : "mesh";
			leave(here, [a, b]);
			/* Only whole maps are kept of the past, and the ToRs of their pods. */
			location.hash = `#/${next}/${encodeURIComponent(a)}/${encodeURIComponent(b)}` +
				(query.at && next === "pods" ? `?at=${query.at}` : "");
		}
		function again() {
			map.grid.judge(chosen.by);
			map.bad = chosen.bad;
			map.order = chosen.order;
			map.draw();
			key.replaceChildren(legend(chosen.by));
			said();
		}
		function said() {
			empty.textContent = map.grid.n === 0 ? (query.at ? "Nothing is kept of that time." :
				"No host has registered yet.") :
				map.rows.length === 0 ? "Nothing is wrong in the map." :
				query.at && SHOWN[chosen.by].delay !== undefined ? "The delays of hosts are not kept: " +
				"only the map of now has them." : "";
			map.move(null);
		}
		const orders = [["name", "name"], ["worst", "worst first"], ["rail", args.length && !inPods ?
			"device (rail)" : "last part of the name (rail)"]];
		main.append(heading(inPods, args, query, data), el("div", { class: "controls" },
			el("label", {}, "Colours show", choice("by", Object.entries(SHOWN)
				.map(([value, s]) => [value, s.text]), again)),
			el("label", {}, "Order", choice("order", orders, again)),
			el("label", {}, bad, "only what is not green"),
			csvLink("mesh", COLUMNS, () => rowsOf(map.grid)),
			el("a", { href: path(inPods, args, query) }, "JSON")),
		when.element, about, room, empty, key,
		el("p", { class: "note" }, `Rows probe columns, for ${data.window_s} s. One row and its ` +
			"column: a port or host. A square: a switch of these. All but the diagonal: the spines." +
			(data.pods ? " RTTs of two pods are those of their worst pair of ToRs." : "")));
		room.append(map.canvas);
		when.take(list ?? []);
		about.textContent = "Point at a cell, or move with the arrow keys.";
		again();
		map.goTo(places.get(here));
		/* A minute of the past does not change. */
		const update = (now) => {
			const redraw = [...now.muted].join() !== [...quiet].join();
			quiet = now.muted;
			if (now.minutes) {
				list = now.minutes;
				when.take(list);
				when.time = Date.now();
			}
			if (query.at)
				return;
			/* So many ToRs have come, or gone, that it is another map. */
			if (!now.data.pods !== !data.pods) {
				main.replaceChildren();
				return this.draw(main, { ...now, minutes: list }, args, query);
			}
			if ("since" in now.data) {
				map.change(map.grid.change(now.data));
			} else {
				map.grid = new Grid(now.data);
				again();
			}
			if (redraw)
				map.soon(true);
			said();
		};
		update.wantsMinutes = () => Date.now() - when.time > LIST_MS;
		update.time = () => data.pods ? null : map.grid.time_ns;
		update.redraw = () => map.soon(true);
		return update;
	},
});

export const mesh = view(false);
export const pods = view(true);
