// Shows /openapi.json as a page: each way to ask, its fields, and what comes back.

const place = document.getElementById("document");

function element(name, text = "", ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
}

function table(of, caption, headings, rows) {
  const head = element("thead", "", element("tr", "", ...headings.map((text) => {
    const cell = element("th", text);
    cell.scope = "col";
    return cell;
  })));
  const body = element("tbody", "", ...rows.map(([name, ...rest]) => {
    const first = element("th", "", element("code", name));
    first.scope = "row";
    return element("tr", "", first, ...rest.map((text) => element("td", text)));
  }));
  const made = element("table", "", element("caption", caption), head, body);
  const scroll = element("div", "", made);
  scroll.className = "scroll";
  scroll.tabIndex = 0; // so that a keyboard can scroll it
  scroll.role = "region";
  scroll.ariaLabel = `${of}: ${caption}`;
  return scroll;
}

function kind(schema) {
  if (schema.type === "array") return `list of ${kind(schema.items)}`;
  return [schema.type, schema.format].filter(Boolean).join(", ");
}

function meaning(schema) {
  const values = schema.enum ? `One of ${schema.enum.join(", ")}.` : "";
  return [schema.description, values].filter(Boolean).join(" ");
}

// Fields of fields are shown by their whole way, as in answers.label.
function fields(schema, before = "") {
  return Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const inner = field.items ?? field;
    const row = [before + name, inner.properties ? (field.items ? "list" : "object") : kind(field), meaning(field)];
    return [row, ...fields(inner, `${before}${name}.`)];
  });
}

function shown(document_, path, method, operation) {
  const named = (schema) => (schema.$ref ? document_.components.schemas[schema.$ref.split("/").pop()] : schema);
  const section = element("section", "", element("h2", `${method.toUpperCase()} ${path}`), element("p", operation.summary));
  for (const given of operation.parameters ?? []) {
    section.append(element("p", "", element("code", given.name), ` (${given.in}): ${given.description}`));
  }
  for (const [type, { schema }] of Object.entries(operation.requestBody?.content ?? {})) {
    section.append(table(path, `Sent as ${type}`, ["field", "type", "meaning"], fields(named(schema))));
  }
  const good = named(operation.responses["200"].content["application/json"].schema);
  section.append(table(path, "What comes back", ["field", "type", "meaning"], fields(good)));
  const failures = Object.entries(operation.responses).filter(([status]) => status !== "200");
  section.append(table(path, "What can go wrong, as application/problem+json", ["status", "meaning"],
    failures.map(([status, { description }]) => [status, description])));
  return section;
}

const answer = await fetch("/openapi.json");
const document_ = await answer.json();
for (const [path, methods] of Object.entries(document_.paths)) {
  for (const [method, operation] of Object.entries(methods)) {
    place.append(shown(document_, path, method, operation));
  }
}
place.removeAttribute("aria-busy");
