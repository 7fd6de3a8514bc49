/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What proves an incident, as a picture: the switches and hosts on the paths of the 5-tuples that
 * lose something and cross a candidate. A line is a direction of a link. It votes: how many of the
 * 5-tuples that cross it lose. A candidate is thick, and has an arrow and its votes.
 */
import { csvLink, el, get, micro, percent, scroll, svg, table } from "./dom.js";

const WIDE = 760, ROW = 92, BOX = 22, EDGE = 20;
const NODES = 12;        /* in a row at most */
const AGAIN_MS = 10000;  /* between two requests, which let central walk all reports */

/* An end of a link: a switch, or the host of a port. */
function node(end) {
	if (end.switch !== null)
		return { key: `s ${end.switch}`, name: end.switch, host: false };
	const name = end.host ?? end.address;
	return { key: `h ${name}`, name, host: true };
}

/* Nodes with what they are, and their links. */
function graph(links) {
	const nodes = new Map();
	const take = (end, link) => {
		const fresh = node(end), kept = nodes.get(fresh.key) ??
			{ ...fresh, level: fresh.host ? 0 : -1, losing: 0, candidate: false, next: new Set() };
		nodes.set(fresh.key, kept);
		kept.losing += link.losing;
		kept.candidate ||= link.candidate;
		return kept;
	};
	/* A cable has addresses of both families, and a router several: one line. */
	const edges = new Map();
	for (const link of links) {
		const from = take(link.from, link), to = take(link.to, link);
		const key = `${link.candidate} ${from.key}\n${to.key}`, edge = edges.get(key);
		from.next.add(to);
		to.next.add(from);
		if (!edge)
			edges.set(key, { ...link, from, to });
		else
			for (const n of ["tuples", "losing", "sent", "bad"])
				edge[n] += link[n];
	}
	return { nodes: [...nodes.values()], edges: [...edges.values()] };
}

/* How far above the hosts each switch is. */
function levels({ nodes }) {
	let front = nodes.filter((n) => n.level === 0);
	for (let level = 1; front.length; level++) {
		const above = new Set();
		for (const n of front)
			for (const m of n.next)
				if (m.level < 0) {
					m.level = level;
					above.add(m);
				}
		front = [...above];
	}
	/* What no host leads to. */
	for (const n of nodes)
		n.level = n.level < 0 ? 1 : n.level;
}

/* Gives the nodes of each level their places; the most suspicious ones, if there are too many. */
function place({ nodes }) {
	const top = Math.max(0, ...nodes.map((n) => n.level)), left = [];
	for (let level = 0; level <= top; level++) {
		const row = nodes.filter((n) => n.level === level)
			.sort((a, b) => b.candidate - a.candidate || b.losing - a.losing);
		const some = row.slice(0, NODES)
			.sort((a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }));
		some.forEach((n, i) => {
			n.x = EDGE + (i + 0.5) * (WIDE - 2 * EDGE) / some.length;
			n.y = EDGE + (top - level) * ROW + BOX / 2;
			n.wide = Math.min(150, (WIDE - 2 * EDGE) / some.length - 6);
		});
		left.push(row.length - some.length);
	}
	return { tall: 2 * EDGE + top * ROW + BOX, left: left.reduce((a, b) => a + b, 0) };
}

/* A link is drawn on the right of its way, so that its other direction has room. */
function line(edge) {
	const { from, to } = edge, dx = to.x - from.x, dy = to.y - from.y;
	const length = Math.hypot(dx, dy) || 1, aside = 4;
	const x = -dy / length * aside, y = dx / length * aside;
	const cut = BOX / 2 / Math.max(Math.abs(dy) / length, 0.3) + 2;
	const at = (n, sign) => [n.x + x + sign * dx / length * cut, n.y + y + sign * dy / length * cut];
	return [...at(from, 1), ...at(to, -1)];
}

function votes(link) {
	return `${link.losing} of ${link.tuples} 5-tuples lose, ${link.bad} of ${link.sent} probes ` +
		`(${percent(link.bad, link.sent)})`;
}

function drawEdge(edge) {
	const [x1, y1, x2, y2] = line(edge);
	const kind = edge.candidate ? "candidate" : edge.losing ? "losing" : "clean";
	return [svg("line", { x1, y1, x2, y2, class: kind,
		"marker-end": edge.candidate ? "url(#arrow)" : null },
	svg("title", {}, `${edge.from.name} → ${edge.to.name}: ${votes(edge)}`))];
}

/* The votes of a candidate, a third of the way along, where fewer lines meet. */
function drawVotes(edge) {
	const [x1, y1, x2, y2] = line(edge), x = x1 + (x2 - x1) / 3, y = y1 + (y2 - y1) / 3;
	const told = `${edge.losing}/${edge.tuples}`, wide = 8 + 7 * told.length;
	return [svg("rect", { x: x - wide / 2, y: y - 9, width: wide, height: 18, rx: 4, class: "votes" }),
		svg("text", { x, y: y + 4, class: "votes" }, told)];
}

function drawNode(n) {
	const most = Math.max(3, Math.floor(n.wide / 7));
	const name = n.name.length > most ? `${n.name.slice(0, most - 1)}…` : n.name;
	return [svg("rect", { x: n.x - n.wide / 2, y: n.y - BOX / 2, width: n.wide, height: BOX,
		rx: n.host ? 0 : 6, class: n.host ? "host" : "switch" }, svg("title", {}, n.name)),
	svg("text", { x: n.x, y: n.y + 4 }, name)];
}

export function picture(links) {
	const g = graph(links);
	levels(g);
	const { tall, left } = place(g);
	const shown = g.edges.filter((e) => e.from.x !== undefined && e.to.x !== undefined);
	const bad = shown.filter((e) => e.candidate);
	const arrow = svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4,
		markerWidth: 5, markerHeight: 5, orient: "auto" }, svg("path", { d: "M0 0 8 4 0 8z" }));
	const image = svg("svg", { viewBox: `0 0 ${WIDE} ${tall}`, role: "img", class: "proof",
		"aria-label": `Paths: ${g.nodes.length} switches and hosts. ` + bad.map((e) =>
			`${e.from.name} to ${e.to.name}: ${votes(e)}`).join("; ") },
	svg("defs", {}, arrow),
	...shown.filter((e) => !e.candidate).sort((a, b) => a.losing - b.losing).flatMap(drawEdge),
	...bad.flatMap(drawEdge),
	...g.nodes.filter((n) => n.x !== undefined).flatMap(drawNode), ...bad.slice(0, 8).flatMap(drawVotes));
	return el("figure", {}, scroll("Paths", image), el("figcaption", {}, "Hosts below, spines above. A thick arrow is " +
		"a candidate, with how many of the 5-tuples that cross it lose. Thin lines: other links of " +
		`these paths, dashed if some lose.${left ? ` ${left} more are left out.` : ""}`));
}

/* One value over time: of the last hour at most. */
function curve(samples, value, name, unit) {
	const tall = 90, left = 64, [first, last] = [samples[0][0], samples.at(-1)[0]];
	const most = Math.max(...samples.map(value)) || 1;
	const x = (s) => left + (s[0] - first) / (last - first || 1) * (WIDE - left - EDGE);
	const y = (s) => 10 + (1 - value(s) / most) * (tall - 30);
	const at = (s) => new Date(s[0] * 1000).toLocaleTimeString();
	return svg("svg", { viewBox: `0 0 ${WIDE} ${tall}`, role: "img", class: "proof timeline",
		"aria-label": `From ${at(samples[0])} to ${at(samples.at(-1))}: at most ${unit(most)} ${name}` },
	svg("path", { d: `M${left} ${tall - 20}H${WIDE - EDGE}`, class: "axis" }),
	svg("polyline", { points: samples.map((s) => `${x(s)},${y(s)}`).join(" ") }),
	svg("text", { x: left / 2, y: 14 }, unit(most)),
	svg("text", { x: left / 2, y: tall - 16 }, "0"),
	svg("text", { x: (left + WIDE - EDGE) / 2, y: tall - 4 }, name),
	svg("text", { x: left + 30, y: tall - 4 }, at(samples[0])),
	svg("text", { x: WIDE - EDGE - 30, y: tall - 4 }, at(samples.at(-1))));
}

/* Loss and delay, whichever there is: a culprit may do both. */
export function timeline(samples) {
	const some = (i) => samples.length > 1 && samples.some((s) => s[i] > 0);
	return [some(1) ? curve(samples, (s) => s[1], "loss", (v) => percent(v, 1)) : "",
		some(2) ? curve(samples, (s) => s[2], "more RTT", micro) : ""];
}

function sum(e) {
	const n = e.losing + e.clean;
	if (!n)
		return `In the last ${e.window_s} s, no 5-tuple whose path is known crossed a candidate.`;
	return `In the last ${e.window_s} s, ${n} 5-tuples crossed a candidate, and ${e.losing} of them ` +
		`lost: ${e.bad} of ${e.sent} probes (${percent(e.bad, e.sent)}).` +
		(e.untraced ? ` ${e.untraced} more lose, whose paths are not known.` : "");
}

const text = (end) => end.switch ?? end.host ?? end.address;
const VOTES = [
	{ name: "from", value: (l) => text(l.from) },
	{ name: "to", value: (l) => text(l.to) },
	{ name: "candidate", value: (l) => l.candidate ? "yes" : "" },
	{ name: "5-tuples", n: true, value: (l) => l.tuples },
	{ name: "lose", n: true, value: (l) => l.losing },
	{ name: "probes", n: true, value: (l) => l.sent },
	{ name: "lost", n: true, value: (l) => l.bad },
];
const TIMES = [
	{ name: "time", value: ([s]) => new Date(s * 1000).toISOString() },
	{ name: "loss", value: ([, loss]) => loss },
	{ name: "delay_ns", value: ([, , delay]) => delay },
];

function list(e) {
	const votes = table(VOTES, "Votes of links");
	votes.update(e.links.slice(0, 50));
	return el("details", {}, el("summary", {}, "As numbers"), votes.element,
		el("p", {}, csvLink("votes", VOTES, () => e.links, "votes"), " · ",
		   csvLink("timeline", TIMES, () => e.timeline, "timeline"), " · ",
		   el("a", { href: `/api/1/evidence?id=${encodeURIComponent(e.incident)}` }, "JSON")));
}

/* Returns { element, load() }: load() may be called often. */
export function proof(id) {
	const element = el("div", { id: "proof" }, el("p", { class: "note" }, "loading …"));
	let last = 0, waits = null, open = false;

	async function fetchIt() {
		waits = null;
		last = Date.now();
		try {
			const e = await get(`/api/1/evidence?id=${encodeURIComponent(id)}`);
			open = element.querySelector("details")?.open ?? open;
			element.replaceChildren(el("p", {}, sum(e)), e.links.length ? picture(e.links) : "",
				scroll("Over time", ...timeline(e.timeline)), list(e));
			element.querySelector("details").open = open;
		} catch (error) {
			element.replaceChildren(el("p", { class: "bad" }, `No evidence: ${error.message}.`));
		}
		/* It goes on as long as it is shown. */
		if (element.isConnected)
			waits = setTimeout(() => element.isConnected && fetchIt(), AGAIN_MS);
	}
	return { element, load() {
		if (last === 0)
			fetchIt();
		else if (!waits)
			waits = setTimeout(fetchIt, Math.max(0, last + AGAIN_MS - Date.now()));
	} };
}
