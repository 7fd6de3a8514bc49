/* SPDX-License-Identifier: Apache-2.0 */
/* What all views use: elements, requests, numbers as text, tables. */

const RETRIES = 5;

/* Children are elements or text; text is never markup. */
export function el(name, attributes, ...children) {
	const element = document.createElement(name);

	for (const [key, value] of Object.entries(attributes || {})) {
		if (key.startsWith("on"))
			element.addEventListener(key.slice(2), value);
		else if (value !== null && value !== undefined && value !== false)
			element.setAttribute(key, value === true ? "" : value);
	}
	element.append(...children.filter((c) => c !== null && c !== undefined));
	return element;
}

/* rpingmesh-central answers a few requests at a time, and others with 503. */
export async function get(path) {
	for (let i = 0; ; i++) {
		const answer = await fetch(path);
		if (answer.ok)
			return answer.json();
		if (answer.status !== 503 || i === RETRIES)
			throw Object.assign(new Error(`${path}: ${answer.status} ${answer.statusText}`),
				{ status: answer.status });
		await new Promise((done) => setTimeout(done, 300 + 700 * Math.random()));
	}
}

/* The same for SVG. */
export function svg(name, attributes, ...children) {
	const element = document.createElementNS("http://www.w3.org/2000/svg", name);

	for (const [key, value] of Object.entries(attributes || {}))
		if (value !== null && value !== undefined && value !== false)
			element.setAttribute(key, value);
	element.append(...children.filter((c) => c !== null && c !== undefined));
	return element;
}

/*
 * What changes something needs the token of rpingmesh-central's token_file, which remains in this
 * page only. Returns the answer, or throws what to tell the operator.
 */
export async function post(path, token, form) {
	const answer = await fetch(path, { method: "POST", body: new URLSearchParams(form),
		headers: { "X-Rpingmesh-Token": token } });
	if (answer.ok)
		return answer.json();
	if (answer.status === 403)
		throw new Error("the token is wrong, or token_file is not set at rpingmesh-central");
	if (answer.status === 429)
		throw new Error("too many wrong tokens: try again in a minute");
	throw new Error((await answer.text()).trim() || `${answer.status} ${answer.statusText}`);
}

export function percent(part, whole) {
	if (!whole)
		return "–";
	const p = 100 * part / whole;
	return p === 0 ? "0 %" : p < 0.01 ? "< 0.01 %" : `${p < 10 ? p.toPrecision(2) : p.toFixed(0)} %`;
}

export function ratio(r) {
	return typeof r === "number" ? percent(r, 1) : "–";
}

export function micro(ns) {
	if (typeof ns !== "number")
		return "–";
	const us = ns / 1000;
	return us < 1000 ? `${us.toPrecision(3)} µs` : `${(us / 1000).toPrecision(3)} ms`;
}

export function ago(ns, now = Date.now()) {
	if (!ns)
		return "–";
	const s = Math.max(0, Math.round(now / 1000 - ns / 1e9));
	if (s < 120)
		return `${s} s`;
	if (s < 7200)
		return `${Math.round(s / 60)} min`;
	return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} d`;
}

export function clock(ns) {
	return ns ? new Date(ns / 1e6).toLocaleString() : "–";
}

/* What is wider than the page can be moved, by keys, too. */
export function scroll(label, ...children) {
	return el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
		...children);
}

/*
 * A table whose columns can be sorted. columns: { name, value(row) for the order, cell(row) for
 * what is shown (text or element), n: a number }. Returns { element, update(rows) }.
 */
export function table(columns, caption) {
	const head = el("tr"), body = el("tbody");
	let by = null, down = false, rows = [];

	function draw() {
		const sorted = by === null ? rows : [...rows].sort((a, b) => {
			const x = columns[by].value(a), y = columns[by].value(b);
			const order = typeof x === "number" && typeof y === "number" ? x - y :
				String(x).localeCompare(String(y), undefined, { numeric: true });
			return down ? -order : order;
		});
		body.replaceChildren(...sorted.map((row) => el("tr", { class: row.class || null },
			...columns.map((c) => el("td", { class: c.n ? "n" : null },
						 c.cell ? c.cell(row) : String(c.value(row)))))));
	}
	columns.forEach((column, i) => {
		const th = el("th", { scope: "col", class: column.n ? "n" : null },
			el("button", { type: "button", onclick: () => {
				down = by === i ? !down : false;
				by = i;
				for (const other of head.children)
					other.removeAttribute("aria-sort");
				th.setAttribute("aria-sort", down ? "descending" : "ascending");
				draw();
			} }, column.name));
		head.append(th);
	});
	return {
		element: scroll(caption, el("table", {}, el("thead", {}, head), body)),
		update(now) { rows = now; draw(); },
	};
}

/* The rows as a file, for a spreadsheet. A cell that a spreadsheet would compute gets a quote. */
export function csv(columns, rows) {
	const cell = (v) => {
		const text = String(v ?? "");
		return `"${(/^[=+\-@\t]/.test(text) && isNaN(text) ? "'" : "") + text.replaceAll('"', '""')}"`;
	};
	return [columns.map((c) => cell(c.name)), ...rows.map((r) => columns.map((c) => cell(c.value(r))))]
		.map((line) => line.join(",")).join("\r\n") + "\r\n";
}

export function csvLink(name, columns, rows, what) {
	return el("a", { href: "#", download: `${name}.csv`, onclick: (event) => {
		const a = event.currentTarget;
		const url = URL.createObjectURL(new Blob([csv(columns, rows())], { type: "text/csv" }));
		a.href = url;
		setTimeout(() => URL.revokeObjectURL(url), 1000);
	} }, `CSV${what ? ` of ${what}` : ""}`);
}
