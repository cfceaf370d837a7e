// Shows /openapi.json as a page: each way to ask, its fields, what comes back, and a form to try it.

const place = document.getElementById("document");
const token = document.getElementById("token");
token.form.addEventListener("submit", (event) => event.preventDefault());

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

const type = (schema) => [schema.type].flat()[0];

function kind(schema) {
  if (type(schema) === "array") return `list of ${kind(schema.items)}`;
  return [type(schema), schema.format].filter(Boolean).join(", ");
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

// One control for each field; a list's is a text area, with one entry a line.
function control(name, field, required) {
  const many = type(field) === "array";
  const input = element(many ? "textarea" : "input");
  if (!many) input.type = field.format === "binary" ? "file" : "text";
  input.name = name;
  input.required = required;
  return element("p", "", element("label", many ? `${name}, one a line` : name, input));
}

// Sends a request of this kind, and shows what comes back.
function tried(path, method, operation, schema) {
  const form = element("form");
  const wanted = (operation.parameters ?? []).filter((given) => given.in === "query");
  const fields_ = [...wanted.map((given) => [given.name, given.schema]), ...Object.entries(schema?.properties ?? {})];
  const controls = fields_.map(([name, field]) => control(name, field, schema?.required.includes(name)));
  const send = element("button", `Try ${path}`);
  const status = element("p");
  status.setAttribute("role", "status");
  const said = element("pre");
  form.append(...controls, send, status, said);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const body = new FormData();
    for (const input of form.querySelectorAll("[name]")) {
      const values = input.files ?? (input.type === "textarea" ? input.value.split("\n") : [input.value]);
      for (const value of values) if (value) body.append(input.name, value);
    }
    const post = method === "post";
    const query = post || !controls.length ? "" : `?${new URLSearchParams(body)}`;
    status.textContent = "Sending …";
    said.textContent = "";
    try {
      const headers = token.value ? { Authorization: `Bearer ${token.value}` } : {};
      const answer = await fetch(path + query, { method: method.toUpperCase(), headers, ...(post && { body }) });
      said.textContent = JSON.stringify(await answer.json(), null, 1);
      status.textContent = `It answered ${answer.status} ${answer.statusText}`;
    } catch (error) {
      status.textContent = `Nothing came back: ${error.message}`;
    }
  });
  return form;
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
  section.append(tried(path, method, operation, operation.requestBody?.content["multipart/form-data"].schema));
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
