/* SPDX-License-Identifier: Apache-2.0 */
/* The incidents, and the story of one. */
import { ago, clock, csvLink, el, get, micro, post, ratio, table } from "./dom.js";
import { proof } from "./proof.js";

export function culprit(i) {
	const c = i.culprits?.[0];
	if (!c)
		return "cannot tell";
	const more = i.culprits.length - 1;
	return c.name + (more > 0 ? ` or ${more} more` : "");
}

function harm(i) {
	return i.effect === "delay" ? `slow, ${micro(i.delay_ns)}` :
		`${i.effect === "size" ? "large packets lost" : "loss"}, ${ratio(i.loss_ratio)}`;
}

const jobs = (list) => (list ?? []).map((j) => typeof j === "string" ? j : j.name ?? j.job ??
					JSON.stringify(j));

const columns = [
	{ name: "priority", value: (i) => i.priority,
	  cell: (i) => el("span", { class: i.priority }, i.priority) },
	{ name: "state", value: (i) => i.state },
	{ name: "kind", value: (i) => i.kind },
	{ name: "culprit", value: culprit,
	  cell: (i) => el("a", { href: `#/incident/${encodeURIComponent(i.id)}` }, culprit(i)) },
	{ name: "direction", value: (i) => i.direction === "one_way" ? "one way" : "both ways" },
	{ name: "harm", value: harm },
	{ name: "since", n: true, value: (i) => i.since_ns,
	  cell: (i) => el("time", { title: clock(i.since_ns) }, ago(i.since_ns)) },
	{ name: "hurts", value: (i) => jobs(i.hurts).join(", ") },
	{ name: "muted", value: (i) => i.muted ? "muted" : "" },
];

export const incidents = {
	title: () => "Incidents",
	follows: ["incident"],
	load: async () => (await get("/api/1/incidents")).incidents,
	draw(main, data) {
		const all = el("input", { type: "checkbox", onchange: () => draw() });
		const rows = table(columns, "Incidents"), none = el("p");
		let now = data;
		const kept = () => now.filter((i) => all.checked || i.state === "open");
		function draw() {
			rows.update(kept().map((i) => ({ ...i, class: i.state === "closed" ? "closed" : null })));
			none.textContent = kept().length ? "" :
				"Nothing is wrong, as far as the hosts that report can tell.";
		}
		main.append(el("h2", {}, "Incidents"), el("div", { class: "controls" },
			el("label", {}, all, "closed ones, too"), csvLink("incidents", columns, kept),
			el("a", { href: "/api/1/incidents" }, "JSON")), none, rows.element);
		draw();
		return (fresh) => { now = fresh; draw(); };
	},
};

function facts(i) {
	const pair = (k, v) => v === "" || v === null || v === undefined ? [] :
		[el("dt", {}, k), el("dd", {}, v)];
	return el("dl", {}, ...pair("state", i.state), ...pair("priority", i.priority),
		...pair("kind", i.kind), ...pair("harm", harm(i)),
		...pair("direction", i.direction === "one_way" ? "one way" : "both ways"),
		...pair("confidence", ratio(i.confidence)), ...pair("since", clock(i.since_ns)),
		...pair("closed", i.closed_ns ? clock(i.closed_ns) : ""),
		...pair("hurts", jobs(i.hurts).join(", ")),
		...pair("runs across", jobs(i.crosses).join(", ")));
}

function candidates(i) {
	return el("ol", {}, ...(i.culprits ?? []).map((c) => el("li", {}, `${c.kind} ${c.name}`,
		c.from || c.to ? ` (from ${c.from ?? "?"} to ${c.to ?? "?"})` : "")));
}

/* What an operator has said. */
function words(i) {
	const said = (what, w) => !w ? [] : [el("dt", {}, what), el("dd", {}, `by ${w.by}: ${w.reason}`,
		` (${clock(w.time_ns)}${w.until_ns ? ` to ${clock(w.until_ns)}` : ""})`)];
	return el("dl", {}, ...said("acknowledged", i.acknowledged),
		...(i.muted && i.mute ? said("muted", i.mute) : []),
		...(i.muted && !i.mute ? [el("dt", {}, "muted"), el("dd", {}, "its host is drained")] : []));
}

/* Kept while the page is open: nobody wants to write them twice. */
const kept = { by: "", token: "" };

function speak(i, done) {
	const input = (name, label, more) =>
		el("label", {}, label, el("input", { name, required: true, ...more }));
	const option = (value, text) => el("option", { value }, text);
	const say = el("select", { name: "say", onchange: () => { until.hidden = say.value !== "mute"; } },
		option("acknowledge", "acknowledge"), option("mute", "mute"), option("unmute", "unmute"));
	const until = el("label", { hidden: true }, "for", el("select", { name: "for_s" },
		option("3600", "1 hour"), option("14400", "4 hours"), option("86400", "1 day"),
		option("604800", "1 week")));
	const answer = el("p", { role: "status", id: "answer" });
	const form = el("form", { class: "controls", onsubmit: async (event) => {
		event.preventDefault();
		const fields = Object.fromEntries(new FormData(form));
		const token = fields.token;
		delete fields.token;
		Object.assign(kept, { by: fields.by, token });
		answer.textContent = "…";
		answer.className = "";
		try {
			done(await post("/api/1/incident", token, { id: i.id, ...fields }));
			answer.textContent = `Done: ${fields.say}.`;
			form.elements.reason.value = "";
		} catch (error) {
			answer.textContent = `Refused: ${error.message}.`;
			answer.className = "bad";
		}
	} }, el("label", {}, "Say", say), until,
		input("by", "your name", { value: kept.by, maxlength: 64, autocomplete: "name" }),
		input("reason", "reason", { maxlength: 200 }),
		input("token", "token", { type: "password", value: kept.token, autocomplete: "off" }),
		el("button", { type: "submit" }, "Send"));
	return el("section", { "aria-label": "Acknowledge or mute" }, form, answer);
}

export const incident = {
	title: (args) => `Incident ${args[0] ?? ""}`,
	follows: ["incident"],
	async load(args) {
		const all = (await get("/api/1/incidents?all=1")).incidents;
		return all.find((i) => i.id === args[0]) ?? null;
	},
	draw(main, data, args) {
		if (!data) {
			main.append(el("h2", {}, `Incident ${args[0]}`),
				el("p", {}, "There is no such incident, or it is too old."));
			return () => {};
		}
		const top = el("div"), story = el("div"), shown = proof(data.id);
		function update(i) {
			if (!i)
				return;
			top.replaceChildren(el("h2", {}, culprit(i)), facts(i), words(i));
			story.replaceChildren(el("h3", {}, "Candidates, the likeliest first"), candidates(i),
				el("h3", {}, "What happened"),
				el("ol", {}, ...(i.events ?? []).map((e) => el("li", {},
					`${clock(e.time_ns)}: ${e.what}${e.text ? `, ${e.text}` : ""}`))),
				el("h3", {}, "At a terminal"),
				el("pre", { tabindex: "0" }, `rpingmesh-ctl --central incident ${i.id}`));
			shown.load();
		}
		main.append(top, el("h3", {}, "What proves it"), shown.element, story,
			el("h3", {}, "Acknowledge or mute"),
			el("p", { class: "note" }, "Measuring goes on. A mute ends by itself."),
			speak(data, update));
		update(data);
		return update;
	},
};
