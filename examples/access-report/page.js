"use strict";
// Shows the data in the page. Every name goes through textContent, so markup in a name stays text. What is filtered and
// sorted is in the address, so a view can be linked and kept.
(() => {
  const report = JSON.parse(document.getElementById("data").textContent);
  const by = (id) => document.getElementById(id);
  const made = Date.parse(report.made_at);

  // element makes one with text or children; attributes of value false or null are left out.
  function element(name, attributes, ...children) {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (value === false || value === null || value === undefined) continue;
      e.setAttribute(key, value === true ? "" : value);
    }
    e.append(...children.filter((c) => c !== null && c !== undefined && c !== false));
    return e;
  }
  const day = (time) => time ? time.slice(0, 10) : null;
  const days = (time) => Math.floor((made - Date.parse(time)) / 86400000);
  // The service's clock may be ahead of the clock of the machine that made the report.
  const age = (time) => Math.max(0, days(time));
  const plural = (n, one, many) => n + " " + (n === 1 ? one : many || one + "s");
  const compare = new Intl.Collator("en", { numeric: true, sensitivity: "base" }).compare;
  const ranks = { CAN_MANAGE: 3, CAN_QUERY: 2, CAN_VIEW: 1 };

  const principals = new Map(report.principals.map((p) => [p.principal, { ...p, access: [] }]));
  for (const a of report.access) principals.get(a.principal).access.push(a);
  const rows = [...principals.values()].sort((a, b) => compare(label(a), label(b)) || compare(a.principal, b.principal));
  const endpoints = report.endpoints.slice().sort((a, b) => compare(a.name, b.name));

  function label(p) { return p.display_name || p.name; }
  const off = (p) => p.active === false;
  const unmanaged = (a) => a.managed === false;
  const fromAbove = (way) => way === "inherited" || way.split(" > ")[0] === "admins";

  function tags(p, strange) {
    return [
      element("span", { class: "tag " + (p.kind === "person" ? "person" : "") }, p.kind || "owner not known"),
      off(p) && element("span", { class: "tag bad" }, "✕ deactivated"),
      p.active === null && element("span", { class: "tag" }, "? state not known"),
      strange && element("span", { class: "tag unmanaged" }, "! not managed"),
    ].filter(Boolean);
  }
  function named(p) {
    return [element("span", { class: "name" }, label(p)), label(p) !== p.name && element("span", { class: "id" }, p.name)].filter(Boolean);
  }

  // Head.
  document.title = "Access report of workspace " + report.workspace.id + ", " + day(report.made_at);
  const counts = [
    ["Workspace", report.workspace.host + " (" + report.workspace.id + ")"],
    ["Made at", report.made_at],
    ["Read as", (report.identity.display_name || report.identity.name) + (report.identity.is_admin ? ", a workspace admin" : ", no workspace admin") + ", by " + report.identity.login],
    ["Endpoints", String(endpoints.length)],
    ["Principals", rows.length + ", " + rows.filter((p) => p.access.length > 0).length + " with access"],
    ["Tokens and OAuth secrets", String(report.credentials.length)],
  ];
  by("head").append(...counts.map(([name, value]) => element("div", {}, element("dt", {}, name), element("dd", {}, value))));

  // What is not known.
  by("unknown-body").append(report.unknown.length === 0
    ? element("p", { class: "good" }, "Nothing: every access list and every group was read.")
    : element("div", { class: "unknown" }, element("ul", {}, ...report.unknown.map((u) =>
      element("li", {}, element("strong", {}, u.about), ": " + u.reason)))));

  // Difference.
  const d = report.difference;
  if (d === null) {
    by("difference-body").append(element("p", { class: "good" }, "No baseline was given, so nothing is compared."));
  } else {
    if (!d.same_workspace) by("difference-body").append(element("p", { class: "unknown" }, "The baseline is of another workspace."));
    by("difference-body").append(
      d.changes.length === 0
        ? element("p", { class: "good", id: "no-changes" }, "No changes since " + d.since + ".")
        : element("div", {}, element("p", {}, plural(d.changes.length, "change") + " since " + d.since + "."), element("div", { class: "scroll", tabindex: "0", role: "region", "aria-labelledby": "difference-title" },
          element("table", { class: "cards", id: "difference-table" },
            element("thead", {}, element("tr", {}, ...["Change", "About", "Before", "Now"].map((h) => element("th", { scope: "col" }, h)))),
            element("tbody", {}, ...d.changes.map((c) => element("tr", {},
              element("td", { "data-label": "Change" }, { new: "+ new", gone: "− gone", changed: "≠ changed" }[c.change]),
              element("td", { "data-label": "About" }, c.about), element("td", { "data-label": "Before" }, c.before || "–"), element("td", { "data-label": "Now" }, c.now || "–"))))))));
  }

  // Matrix.
  const letter = { CAN_MANAGE: "M", CAN_QUERY: "Q", CAN_VIEW: "V" };
  function sign(a) {
    const p = principals.get(a.principal);
    const how = a.via.includes("direct") ? "" : a.via.every(fromAbove) ? "i" : "g";
    const words = a.level + ", " + a.via.join(", ") + (off(p) ? ", deactivated" : "") + (unmanaged(a) ? ", not managed" : "");
    return element("span", { class: "sign " + a.level + (off(p) ? " off" : "") + (unmanaged(a) ? " unmanaged" : ""), title: words },
      element("span", { "aria-hidden": "true" }, letter[a.level] || "?", how && element("sup", {}, how), unmanaged(a) && "!"),
      element("span", { class: "unseen" }, words));
  }
  // without is a cell with no entry; a screen reader gets words in place of the sign.
  const signs = { read: ["·", "no access"], refused: ["?", "could not be known"], none: ["○", "open by default: a foundation model"] };
  const without = (list) => element("span", {}, element("span", { "aria-hidden": "true" }, signs[list][0]), element("span", { class: "unseen" }, signs[list][1]));
  by("legend").append(...[
    [element("span", { class: "sign CAN_MANAGE" }, "M"), "CAN_MANAGE"],
    [element("span", { class: "sign CAN_QUERY" }, "Q"), "CAN_QUERY"],
    [element("span", { class: "sign CAN_VIEW" }, "V"), "CAN_VIEW"],
    [element("span", { class: "sign CAN_QUERY" }, "Q", element("sup", {}, "g")), "through a group only"],
    [element("span", { class: "sign CAN_QUERY" }, "Q", element("sup", {}, "i")), "as a workspace admin"],
    [element("span", { class: "sign CAN_QUERY off" }, "Q"), "deactivated: cannot use it now"],
    report.compares_managed && [element("span", { class: "sign CAN_QUERY unmanaged" }, "Q!"), "not managed by your configurations"],
    ...Object.values(signs),
  ].filter(Boolean).map(([mark, words]) => element("li", {}, mark, " " + words)));

  // The filter. What it holds is in the address after #.
  const fields = { find: by("find"), level: by("level"), only: by("only") };
  const sorts = {};
  function readAddress() {
    const given = new URLSearchParams(location.hash.includes("=") ? location.hash.slice(1) : "");
    for (const [name, field] of Object.entries(fields)) field.value = given.get(name) || "";
    for (const table of tables) sorts[table.id] = given.get("sort-" + table.id) || table.first;
  }
  function writeAddress() {
    const now = new URLSearchParams();
    for (const [name, field] of Object.entries(fields)) if (field.value) now.set(name, field.value);
    for (const table of tables) if (sorts[table.id] !== table.first) now.set("sort-" + table.id, sorts[table.id]);
    const hash = now.toString() ? "#" + now : location.pathname.split("/").pop();
    try { history.replaceState(null, "", hash); } catch { /* some browsers forbid it for files; the view works without */ }
  }
  function fits(p, a) {
    const level = fields.level.value, only = fields.only.value, find = fields.find.value.trim().toLowerCase();
    if (level && (!a || a.level !== level)) return false;
    if ((only === "person" || only === "service principal") && p.kind !== only) return false;
    if (only === "deactivated" && !off(p)) return false;
    if (only === "unmanaged" && !(a && unmanaged(a))) return false;
    return !find || [label(p), p.name, a ? a.endpoint : "", a ? a.via.join(" ") : ""].some((t) => t.toLowerCase().includes(find));
  }

  function matrix(found) {
    const wide = new Set(found.map((a) => a.endpoint)), filtered = found.length !== report.access.length;
    const columns = filtered ? endpoints.filter((e) => wide.has(e.name)) : endpoints;
    const cells = new Map();
    for (const a of found) {
      if (!cells.has(a.principal)) cells.set(a.principal, new Map());
      cells.get(a.principal).set(a.endpoint, a);
    }
    const lines = rows.filter((p) => cells.has(p.principal));
    by("matrix").replaceChildren(
      element("caption", { class: "unseen" }, "One row for each principal, one column for each endpoint."),
      element("thead", {}, element("tr", {}, element("th", { scope: "col" }, plural(lines.length, "principal")),
        ...columns.map((e) => element("th", { scope: "col" }, element("div", { class: "turned", title: e.name }, e.name))))),
      element("tbody", {}, ...(lines.length ? lines.map((p) => element("tr", { class: off(p) && "off", "data-principal": p.principal },
        element("th", { scope: "row" }, ...named(p), ...tags(p, false)),
        ...columns.map((e) => {
          const a = cells.get(p.principal).get(e.name);
          return element("td", {}, a ? sign(a) : without(e.access_list));
        }))) : [nothing(columns.length + 1)])));
  }
  const nothing = (width) => element("tr", { class: "empty" }, element("td", { colspan: width }, "Nothing fits the filter."));

  // The other tables: each column has a title, what a cell shows and what it is sorted by.
  const who = (p) => label(p) + " " + p.name;
  const tables = [
    { id: "endpoint-table", first: "0", columns: [
      ["Endpoint", (a) => a.endpoint, (a) => a.endpoint],
      ["Principal", (a) => named(principals.get(a.principal)), (a) => who(principals.get(a.principal))],
      ["Level", (a) => element("span", { class: "sign " + a.level }, a.level), (a) => -(ranks[a.level] || 9)],
      ["How", (a) => a.via.join(", "), (a) => a.via.join(", ")],
      ["What it is", (a) => tags(principals.get(a.principal), unmanaged(a)), (a) => [a.kind, !off(a), !unmanaged(a)].join(" ")],
    ] },
    { id: "principal-table", first: "0", columns: [
      ["Principal", (p) => named(p), who],
      ["What it is", (p) => tags(p, p.access.some(unmanaged)), (p) => [p.kind, !off(p)].join(" ")],
      ["Endpoints", (p) => String(p.shown.length), (p) => -p.shown.length],
      ["Access", (p) => p.shown.length === 0 ? "none" : element("ul", {}, ...p.shown.map((a) =>
        element("li", {}, a.endpoint + ": " + a.level + ", " + a.via.join(", ") + (unmanaged(a) ? " (! not managed)" : "")))),
      (p) => -p.shown.length],
    ] },
    { id: "group-table", first: "0", columns: [
      ["Endpoint", (g) => g.endpoint, (g) => g.endpoint],
      ["Group", (g) => g.group, (g) => g.group],
      ["Level", (g) => element("span", { class: "sign " + g.level }, g.level), (g) => -(ranks[g.level] || 9)],
      ["Who has access by it", (g) => g.members === null ? "not known" : g.members === 0 ? "nobody now" : plural(g.members, "principal"), (g) => g.members === null ? -1 : g.members],
      ["Managed", (g) => unmanaged(g) ? element("span", { class: "tag unmanaged" }, "! not managed") : g.managed ? "yes" : "not compared", (g) => String(g.managed)],
    ] },
    { id: "credential-table", first: "3", columns: [
      ["Owner", (c) => [...named(owner(c)), ...tags(owner(c), false)], (c) => who(owner(c))],
      ["Type", (c) => [c.type, element("span", { class: "id" }, c.id.slice(0, 12) + "…")], (c) => c.type + c.id],
      ["Comment or status", (c) => c.comment || "–", (c) => c.comment || ""],
      ["Age", (c) => [plural(age(c.created_at), "day"), element("span", { class: "id" }, day(c.created_at))], (c) => -days(c.created_at)],
      ["Ends", (c) => c.expires_at === null ? element("span", { class: "tag bad" }, "! never")
        : Date.parse(c.expires_at) <= made ? ["expired", element("span", { class: "id" }, day(c.expires_at))]
        : ["in " + plural(-days(c.expires_at), "day"), element("span", { class: "id" }, day(c.expires_at))], (c) => c.expires_at || "9"],
      ["Last use", (c) => c.type === "token" ? day(c.last_used_on) || "never" : "not recorded by the service", (c) => c.last_used_on || ""],
      ["Scopes", (c) => c.scopes.length ? c.scopes.join(", ") : element("span", { class: "tag bad" }, "! all rights of its owner"), (c) => c.scopes.join(",")],
    ] },
  ];
  function owner(c) {
    const name = c.owner || "not known";
    const known = principals.get((c.kind === "person" ? "user_name=" : "service_principal_name=") + name);
    // Whether a person is active is known only where that person has access.
    return { name, display_name: c.display_name, kind: c.kind, active: known ? known.active : undefined };
  }

  function fill(table, items) {
    const [column, down] = [parseInt(sorts[table.id], 10) || 0, sorts[table.id].endsWith("d")];
    const key = (table.columns[column] || table.columns[0])[2];
    items = items.map((item) => [key(item), item]).sort(([a], [b]) =>
      (typeof a === "number" ? a - b : compare(a, b)) * (down ? -1 : 1)).map(([, item]) => item);
    const heads = table.columns.map(([title], i) => {
      const button = element("button", { type: "button" }, title);
      button.addEventListener("click", () => {
        sorts[table.id] = i === column && !down ? i + "d" : String(i);
        show();
        by(table.id).querySelectorAll("th button")[i].focus();
      });
      // The label is what paper shows: browsers leave buttons out of a head that they repeat on each page.
      return element("th", { scope: "col", "data-label": title, "aria-sort": i === column ? (down ? "descending" : "ascending") : "none" }, button);
    });
    by(table.id).replaceChildren(element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...(items.length ? items.map((item) => element("tr", { class: item.off && "off" },
        ...table.columns.map(([title, cell]) => element("td", { "data-label": title }, ...[cell(item)].flat()))))
        : [nothing(table.columns.length)])));
  }

  function show() {
    const found = report.access.filter((a) => fits(principals.get(a.principal), a));
    const of = Map.groupBy ? Map.groupBy(found, (a) => a.principal) : found.reduce((m, a) => m.set(a.principal, [...(m.get(a.principal) || []), a]), new Map());
    const listed = rows.map((p) => ({ ...p, off: off(p), shown: (of.get(p.principal) || []).sort((a, b) => compare(a.endpoint, b.endpoint)) }))
      .filter((p) => p.shown.length > 0 || fits(p, null));
    const credentials = report.credentials.filter((c) => {
      const find = fields.find.value.trim().toLowerCase(), o = owner(c), only = fields.only.value;
      return !fields.level.value && only !== "unmanaged" && (only !== "deactivated" || off(o)) && (only !== "person" && only !== "service principal" || o.kind === only)
        && (!find || [who(o), c.comment || "", c.id].some((t) => t.toLowerCase().includes(find)));
    });
    const groups = report.groups.filter((g) => {
      const find = fields.find.value.trim().toLowerCase(), only = fields.only.value;
      return (!fields.level.value || g.level === fields.level.value) && (!only || only === "unmanaged" && unmanaged(g))
        && (!find || [g.endpoint, g.group].some((t) => t.toLowerCase().includes(find)));
    });
    matrix(found);
    fill(tables[0], found.map((a) => ({ ...a, off: off(a) })));
    fill(tables[1], listed);
    fill(tables[2], groups);
    fill(tables[3], credentials);
    by("count").textContent = [found.length + " of " + plural(report.access.length, "access entry", "access entries"), listed.length + " of " + plural(rows.length, "principal"),
      groups.length + " of " + plural(report.groups.length, "grant") + " to groups", credentials.length + " of " + plural(report.credentials.length, "credential")].join(", ") + ".";
    writeAddress();
  }

  const section = location.hash.includes("=") ? "" : location.hash.slice(1);
  readAddress();
  let waiting = 0;
  by("filter").addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(show, 120); });
  by("filter").addEventListener("submit", (e) => e.preventDefault());
  by("filter").addEventListener("reset", () => setTimeout(show));
  addEventListener("hashchange", () => { if (location.hash.includes("=")) { readAddress(); show(); } });
  show();
  if (section) by(section)?.scrollIntoView();
})();
