/* SPDX-License-Identifier: Apache-2.0 */
/* The views that are a table or a list: hosts, links, status. */
import { ago, clock, csvLink, el, get, micro, ratio, table } from "./dom.js";

function tableView(name, where, key, columns, note) {
	const path = (args) => typeof where === "string" ? where : where(args);
	const title = (args) => typeof name === "string" ? name : name(args);
	return {
		title,
		follows: ["status"],
		async load(args) { return (await get(path(args)))[key]; },
		draw(main, data, args) {
			const filter = el("input", { type: "search", id: "filter", oninput: () => draw() });
			const count = el("span", { class: "note" });
			const rows = table(columns, title(args));
			let all = data;
			const kept = () => all.filter((row) => !filter.value ||
				JSON.stringify(row).toLowerCase().includes(filter.value.toLowerCase()));
			function draw() {
				const some = kept(), most = some.slice(0, 1000);
				rows.update(most);
				count.textContent = most.length < some.length ?
					`the first ${most.length} of ${some.length}` : `${some.length} of ${all.length}`;
			}
			main.append(el("h2", {}, title(args)),
				el("div", { class: "controls" },
				   el("label", {}, "Filter", filter), count,
				   csvLink(key, columns, kept), el("a", { href: path(args) }, "JSON")),
				el("p", { class: "note" }, note ?? ""), rows.element);
			draw();
			return (now) => { all = now; draw(); };
		},
	};
}

export const hosts = tableView("Hosts", "/api/1/hosts", "hosts", [
	{ name: "host", value: (h) => h.host,
	  cell: (h) => el("a", { href: `#/paths/${encodeURIComponent(h.host)}` }, h.host) },
	{ name: "state", value: (h) => h.state },
	{ name: "left", value: (h) => h.left ? `${h.left}, ${ago(h.left_ns)} ago` : "" },
	{ name: "version", value: (h) => h.version },
	{ name: "ports", n: true, value: (h) => h.ports },
	{ name: "last report", n: true, value: (h) => h.report_age_ns ?? 1e18,
	  cell: (h) => h.report_age_ns === null ? "none" : `${Math.round(h.report_age_ns / 1e9)} s ago` },
	{ name: "sending takes", n: true, value: (h) => h.delays?.prober_p99_ns ?? 0,
	  cell: (h) => h.delays?.prober_p99_ns ? micro(h.delays.prober_p99_ns) : "unknown" },
	{ name: "answering takes", n: true, value: (h) => h.delays?.responder_p99_ns ?? 0,
	  cell: (h) => h.delays?.responder_p99_ns ? micro(h.delays.responder_p99_ns) : "unknown" },
	{ name: "reports lost", n: true, value: (h) => h.reports_lost },
	{ name: "drained", value: (h) => h.drain ? `by ${h.drain.by}: ${h.drain.reason}` : "" },
], "Sending and answering: the 99th percentile of the time that probes take inside the host.");

export const links = tableView("Links", "/api/1/links", "links", [
	{ name: "from", value: (l) => l.from_name ?? l.from },
	{ name: "to", value: (l) => l.to_name ?? l.to },
	{ name: "from address", value: (l) => l.from },
	{ name: "to address", value: (l) => l.to },
	{ name: "5-tuples", n: true, value: (l) => l.tuples ?? 0 },
], "A link is one direction of a cable, as traced 5-tuples show it.");

export const coverage = tableView("Coverage", "/api/1/coverage", "coverage", [
	{ name: "ToR", value: (c) => c.tor },
	{ name: "rail", value: (c) => c.rail ?? "" },
	{ name: "family", value: (c) => c.family },
	{ name: "ports", n: true, value: (c) => c.ports },
	{ name: "paths", n: true, value: (c) => c.paths },
	{ name: "5-tuples wanted", n: true, value: (c) => c.wanted },
	{ name: "from it", n: true, value: (c) => c.out },
	{ name: "to it", n: true, value: (c) => c.in },
	{ name: "paths covered from it", n: true, value: (c) => c.share_out,
	  cell: (c) => ratio(c.share_out) },
	{ name: "to it", n: true, value: (c) => c.share_in, cell: (c) => ratio(c.share_in) },
	{ name: "paired with", n: true, value: (c) => c.partners, cell: (c) => `${c.partners} of ${c.others}` },
	{ name: "why not more", value: (c) => [c.capped ?? []].flat().join(", ") },
], "How much of the links above each switch the probes of the plan reach.");

export const paths = tableView((args) => `Paths of ${args[0] ?? "no host"}`,
	(args) => `/api/1/paths?host=${encodeURIComponent(args[0] ?? "")}`, "paths", [
		{ name: "from", value: (p) => p.source },
		{ name: "to", value: (p) => p.destination },
		{ name: "UDP port", n: true, value: (p) => p.src_port },
		{ name: "class", n: true, value: (p) => p.traffic_class },
		{ name: "routers", value: (p) => p.hops.map((h) => h.name ?? h.address ?? "?").join(" → ") },
		{ name: "arrives", value: (p) => p.reached ? "yes" : "no" },
		{ name: "stable", value: (p) => p.stable ? "yes" : "no" },
		{ name: "traced", n: true, value: (p) => p.time_ns,
		  cell: (p) => el("time", { title: clock(p.time_ns) }, `${ago(p.time_ns)} ago`) },
	], "Which routers the 5-tuples of this host cross, as it has traced them.");

/* Numbers beyond 2^53 are hashes, which JavaScript cannot hold. */
function shows([key, value]) {
	return value !== null && typeof value !== "object" && !["type", "schema"].includes(key) &&
		!(typeof value === "number" && value > 2 ** 53 && !key.endsWith("_ns"));
}

/* Of the connection to the broker, too, which is a map of its own. */
function flat(now) {
	return Object.entries(now).flatMap(([key, value]) => key !== "bus" || !value ? [[key, value]] :
		Object.entries(value).map(([part, more]) => [`broker_${part}`, more]));
}

function said(key, value) {
	if (!key.endsWith("_ns"))
		return String(value);
	return value > 1e17 ? clock(value) : micro(value);
}

const STATUS = [{ name: "what", value: ([k]) => k.replace(/_ns$/, "").replaceAll("_", " ") },
	{ name: "value", value: ([k, v]) => said(k, v) }];

export const status = {
	title: () => "Status",
	follows: ["status"],
	load: () => get("/api/1/status"),
	draw(main, data) {
		const wrong = el("div"), list = el("dl");
		let rows = [];
		main.append(el("h2", {}, "Status of rpingmesh-central"), wrong, list,
			el("p", {}, csvLink("status", STATUS, () => rows), " · ",
			   el("a", { href: "/api/1/status" }, "JSON"), " · ",
			   el("a", { href: "/metrics" }, "metrics")));
		function update(now) {
			const reasons = now.degraded;
			wrong.replaceChildren(reasons.length === 0 ? el("p", {}, "Nothing is wrong.") :
				el("ul", {}, ...reasons.map((r) => el("li", { class: "bad" }, String(r)))));
			rows = [...reasons.map((r) => ["degraded", String(r)]), ...flat(now).filter(shows)];
			list.replaceChildren(...rows.slice(reasons.length).flatMap((row) =>
				[el("dt", {}, STATUS[0].value(row)), el("dd", {}, STATUS[1].value(row))]));
		}
		update(data);
		return update;
	},
};
