/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ports: what the probes of each have met on the way to the other one, over time and by 5-tuple,
 * and the paths of these.
 */
import { clock, csvLink, el, get, micro, percent, ratio, scroll, svg, table } from "./dom.js";

const WIDE = 760, LEFT = 70, BAR = 70, GAP = 22;

/* A list of the answer as names and values. */
const SLOT = ["begin_s", "length_s", "sent", "answered", "lost", "noise", "slow", "rtt_ns"];

/* Of quarters, minutes and seconds, each where there is nothing finer. */
function finest(way) {
	const slots = way.slots.map((s) => Object.fromEntries(SLOT.map((k, i) => [k, s[i]])));
	const first = (length) => Math.min(...slots.filter((s) => s.length_s < length).map((s) => s.begin_s));
	return slots.filter((s) => s.sent && s.begin_s < first(s.length_s))
		.map((s) => ({ ...s, judged: s.answered + s.lost, from: way.from, to: way.to }));
}

const time = (s) => new Date(s * 1000).toLocaleTimeString();

/* Two rows of bars: loss, and RTT. Each bar is a slot, whose length differs. */
function bars(slots, way) {
	const rows = [{ name: "loss", value: (s) => s.judged ? s.lost / s.judged : 0, text: (v) => percent(v, 1) },
		{ name: "RTT", value: (s) => s.rtt_ns ?? 0, text: micro }];
	const wide = Math.min(60, (WIDE - LEFT) / slots.length);
	return svg("svg", { viewBox: `0 0 ${WIDE} ${2 * (BAR + GAP) + 20}`, role: "img", class: "proof bars",
		"aria-label": `${way.from} to ${way.to}, from ${time(slots[0].begin_s)}: ` + rows.map((row) =>
			`${row.name} at most ${row.text(Math.max(...slots.map(row.value)))}`).join(", ") },
	...rows.flatMap((row, k) => {
		const most = Math.max(...slots.map(row.value)), bottom = (k + 1) * (BAR + GAP);
		return [svg("text", { x: LEFT / 2, y: bottom - BAR + 10 }, row.text(most)),
			svg("text", { x: LEFT / 2, y: bottom }, row.name),
			svg("path", { d: `M${LEFT} ${bottom}H${LEFT + wide * slots.length}`, class: "axis" }),
			...slots.map((s, i) => {
				const high = most ? row.value(s) / most * BAR : 0;
				return svg("rect", { x: LEFT + i * wide + 1, y: bottom - high, width: wide - 2,
					height: high, class: k ? "rtt" : "loss" }, svg("title", {},
					`${time(s.begin_s)}, ${s.length_s} s: ${row.name} ${row.text(row.value(s))}`));
			})];
	}), svg("text", { x: LEFT + 30, y: 2 * (BAR + GAP) + 16 }, time(slots[0].begin_s)),
	slots.length > 3 ? svg("text", { x: LEFT + wide * slots.length - 30, y: 2 * (BAR + GAP) + 16 },
		time(slots.at(-1).begin_s)) : null);
}

/* ---- tables ---- */

function route(path) {
	if (!path)
		return "not traced";
	return path.routers.map((r) => r.name ?? r.address ?? "?").join(" → ") +
		(path.reached ? "" : " → no answer") + (path.stable ? "" : " (not stable)");
}

const TUPLES = [
	{ name: "from", value: (t) => t.source },
	{ name: "to", value: (t) => t.destination },
	{ name: "UDP port", n: true, value: (t) => t.src_port },
	{ name: "back", n: true, value: (t) => t.back_port },
	{ name: "class", n: true, value: (t) => t.traffic_class },
	{ name: "bytes", n: true, value: (t) => t.size },
	{ name: "why", value: (t) => t.job ? `${t.kind}: ${t.job}` : t.kind },
	{ name: "sent", n: true, value: (t) => t.sent },
	{ name: "lost", n: true, value: (t) => t.lost },
	{ name: "loss", n: true, value: (t) => t.lost / (t.answered + t.lost || 1),
	  cell: (t) => percent(t.lost, t.answered + t.lost) },
	{ name: "slow", n: true, value: (t) => t.slow },
	{ name: "RTT", n: true, value: (t) => t.rtt_ns ?? 0, cell: (t) => micro(t.rtt_ns) },
	{ name: "usual", n: true, value: (t) => t.usual_ns ?? 0, cell: (t) => micro(t.usual_ns) },
	{ name: "routers there", value: (t) => route(t.there) },
	{ name: "routers back", value: (t) => route(t.back) },
];

const SLOTS = [
	{ name: "from", value: (s) => s.from },
	{ name: "to", value: (s) => s.to },
	{ name: "begins", value: (s) => s.begin_s, cell: (s) => clock(s.begin_s * 1e9) },
	{ name: "seconds", n: true, value: (s) => s.length_s },
	{ name: "sent", n: true, value: (s) => s.sent },
	{ name: "lost", n: true, value: (s) => s.lost },
	{ name: "loss", n: true, value: (s) => s.judged ? s.lost / s.judged : 0,
	  cell: (s) => s.judged ? ratio(s.lost / s.judged) : "–" },
	{ name: "slow", n: true, value: (s) => s.slow },
	{ name: "host noise", n: true, value: (s) => s.noise },
	{ name: "mean RTT", n: true, value: (s) => s.rtt_ns ?? 0, cell: (s) => micro(s.rtt_ns) },
];

/* ---- the view ---- */

/* One direction: { element, update(way) }. */
function direction() {
	const chart = scroll("Loss and RTT"), note = el("p", { class: "note" }), head = el("h3");
	const tuples = table(TUPLES, "5-tuples"), slots = table(SLOTS, "Over time");
	const more = el("details", {}, el("summary", {}, "Over time, as numbers"), slots.element);
	return { element: el("section", {}, head, note, chart, more, tuples.element), update(way, window_s) {
		const some = finest(way);
		head.textContent = `${way.from} → ${way.to}`;
		for (const [part, what] of [[chart, "Loss and RTT"], [slots.element, "Over time"],
			[tuples.element, "5-tuples"]])
			part.setAttribute("aria-label", `${what}: ${head.textContent}`);
		chart.replaceChildren(some.length ? bars(some, way) : "");
		slots.update(some);
		tuples.update(way.tuples);
		more.hidden = chart.hidden = !some.length;
		tuples.element.hidden = !way.tuples.length;
		note.textContent = !way.reports ? "Its host does not report." : !way.tuples.length ?
			"Not probed in the last hour: the plan has no 5-tuple from the one to the other." :
			`5-tuples: ${way.tuples.length}. Counts are of ${window_s} s.` +
			(way.left_out ? ` ${way.left_out} more are left out.` : "");
	} };
}

const path = (args) => `/api/1/pair?${new URLSearchParams({ from: args[0] ?? "", to: args[1] ?? "" })}`;

export const pair = {
	title: (args) => `${args[0]} → ${args[1]}`,
	follows: ["mesh"],
	load: (args) => get(path(args)),
	draw(main, data, args) {
		const ways = data.ways.map(direction);
		const host = (name) => name.slice(0, name.lastIndexOf("/"));
		let now = data;
		main.append(el("h2", {}, `${args[0]} and ${args[1]}`), el("div", { class: "controls" },
			...[...new Set(args.slice(0, 2).map(host))].map((h) =>
				el("a", { href: `#/paths/${encodeURIComponent(h)}` }, `paths of ${h}`)),
			csvLink("5-tuples", TUPLES, () => now.ways.flatMap((w) => w.tuples), "5-tuples"),
			csvLink("over-time", SLOTS, () => now.ways.flatMap(finest), "times"),
			el("a", { href: path(args) }, "JSON")), ...ways.map((w) => w.element));
		const update = (fresh) => {
			now = fresh;
			fresh.ways.forEach((w, i) => ways[i].update(w, fresh.window_s));
		};
		update(data);
		return update;
	},
};
