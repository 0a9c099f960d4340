"use strict";
// Values from outside are set as text, never as markup: posting apps choose titles and names, and could inject a script.

const REFRESH_MS = 1000;
// For each list on the page: the items that it shows now, by key.
const SHOWN = new Map();
const FINISHED_WELL = new Set(["PUBLISH_COMPLETE", "SEND_TO_USER_INBOX"]);

const find = (selector, root = document) => root.querySelector(selector);

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

const bytes = (count) => count >= 1e6 ? `${(count / 1e6).toFixed(1)} MB` : `${count} bytes`;
const duration = (seconds) => seconds < 1 ? `${Math.round(seconds * 1000)} ms` : `${seconds.toFixed(1)} s`;
const dateTime = (seconds) => new Date(seconds * 1000).toLocaleString(undefined, {dateStyle: "medium", timeStyle: "medium"});
const timeOfDay = (seconds) => new Date(seconds * 1000).toLocaleTimeString();

// An item that did not change keeps its node. Otherwise each refresh would stop a playing video and lose the focus.
function list(container, items, key, draw) {
  const known = SHOWN.get(container) ?? new Map();
  const next = new Map();
  for (const item of items) {
    const id = key(item), text = JSON.stringify(item), old = known.get(id);
    const node = old && old.text === text ? old.node : draw(item, old?.node ?? null);
    if (old && old.node !== node) old.node.replaceWith(node);
    next.set(id, {node, text});
  }
  for (const [id, {node}] of known) if (!next.has(id)) node.remove();
  let place = container.firstElementChild;
  for (const {node} of next.values()) {
    if (node === place) place = place.nextElementSibling;
    else container.insertBefore(node, place);
  }
  SHOWN.set(container, next);
}

async function fetchJson(path, options = {}) {
  const answer = await fetch(path, {cache: "no-store", ...options});
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(body.error ?? `${path}: ${answer.status}`);
  return body;
}

async function send(path, body = {}, method = "POST") {
  try {
    await fetchJson(path, {method, body: method === "POST" ? JSON.stringify(body) : undefined});
    showProblem("");
  } catch (refused) {
    showProblem(String(refused.message));
  }
  await refresh();
}

function showProblem(problem) {
  find("#problem").hidden = !problem;
  find("#problem").textContent = problem;
  if (problem) setTimeout(() => { if (find("#problem").textContent === problem) showProblem(""); }, 6000);
}

const button = (label, press, more = {}) => make("button", {type: "button", onclick: press, ...more}, label);

function picture(post, old) {
  if (post.has_media) {
    const source = `/_sandbox/posts/${post.post_id}/media`;
    const same = old && find("video, img", old);
    if (same && same.getAttribute("src") === source) return same;
    if (post.medium === "PHOTO") return make("img", {src: source, alt: `The first photo of ${post.title || "this post"}`});
    return make("video", {src: source, controls: true, preload: "metadata", playsinline: true, "aria-label": post.title || "A video"});
  }
  if (post.status.startsWith("PROCESSING") && post.size) {
    const label = `${bytes(post.bytes)} of ${bytes(post.size)}`;
    const bar = make("progress", {max: post.size, value: post.bytes, "aria-label": label});
    return make("div", {class: "none"}, make("div", {}, bar, make("div", {}, label)));
  }
  return make("div", {class: "none"}, post.fail_reason ? "Failed" : post.bytes ? "The bytes are not stored" : "No bytes yet");
}

function drawPost(post, old) {
  const tone = post.status === "FAILED" || post.taken_down ? "bad" : FINISHED_WELL.has(post.status) ? "good" : "wait";
  const state = [post.status, post.fail_reason, post.taken_down ? "taken down" : post.is_public ? "public" : ""];
  const facts = [
    ["Account", `@${post.username}`], ["Privacy", post.privacy_level], ["Size", bytes(post.bytes)],
    ["Started", dateTime(post.inited_at)], ["sha256", post.sha256], ["Post", post.post_id], ["Publish id", post.publish_id],
  ].filter(([, value]) => value);
  const long = new Set(["sha256", "Post", "Publish id"]);
  const rows = facts.flatMap(([name, value]) =>
    [make("dt", {}, name), make("dd", {class: long.has(name) ? "mono" : ""}, value)]);
  return make("li", {class: "card", "data-id": post.publish_id},
    picture(post, old),
    make("div", {class: "text"},
      make("h3", {}, post.title || "(no title)"),
      make("p", {class: `badge ${tone}`}, state.filter(Boolean).join(" · ")),
      make("dl", {}, ...rows),
      make("div", {class: "row"}, ...postButtons(post))));
}

function postButtons(post) {
  const at = `/_sandbox/publications/${encodeURIComponent(post.publish_id)}`;
  const found = [];
  if (post.status === "SEND_TO_USER_INBOX") found.push(button("Post the draft", () => send(`${at}/post`)));
  if (post.post_id && !post.taken_down) {
    const other = post.privacy_level === "SELF_ONLY" ? "PUBLIC_TO_EVERYONE" : "SELF_ONLY";
    const label = other === "SELF_ONLY" ? "Make private" : "Make public";
    found.push(button("Take down", () => send(`${at}/takedown`)), button(label, () => send(`${at}/visibility`, {privacy_level: other})));
  }
  if (post.status.startsWith("PROCESSING")) {
    found.push(button("Fail", () => send(`${at}/fail`, {reason: "internal"})), button("Expire upload URL", () => send(`${at}/expire`)));
  }
  return found;
}

function drawCall(call) {
  const tone = call.status >= 400 || call.status === 0 ? "bad" : "";
  return make("tr", {},
    make("td", {class: "number"}, timeOfDay(call.at)), make("td", {}, call.endpoint), make("td", {}, call.account),
    make("td", {class: `number ${tone}`}, call.status ? String(call.status) : "closed"),
    make("td", {class: call.code === "ok" ? "" : "bad"}, call.code),
    make("td", {class: "number"}, duration(call.seconds)), make("td", {class: "number"}, bytes(call.bytes)),
    make("td", {class: "mono"}, call.publish_id ?? call.path));
}

function drawWebhook(delivery) {
  const resend = () => send(`/_sandbox/webhooks/${encodeURIComponent(delivery.id)}/resend`);
  return make("tr", {},
    make("td", {class: "number"}, timeOfDay(delivery.at)), make("td", {}, delivery.event), make("td", {}, delivery.account),
    make("td", {}, delivery.state), make("td", {class: "number"}, String(delivery.attempts)),
    make("td", {class: "mono"}, delivery.publish_id), make("td", {}, button("Send again", resend)));
}

function drawAccount(account) {
  const marks = [account.is_private ? "private" : "", account.is_banned ? "banned" : "", account.connections.length ? "connected" : ""];
  const ends = account.connections.map(({open_id, app}) => {
    const end = () => send(`/_sandbox/creators/${encodeURIComponent(open_id)}/disconnect`);
    return button("Disconnect", end, {title: app, "aria-label": `Disconnect ${account.username} from ${app}`});
  });
  return make("li", {},
    make("div", {}, `@${account.username} `, make("small", {}, marks.filter(Boolean).join(" · "))), ...ends);
}

function drawRule(state) {
  const {endpoint, action, ...rest} = state.rule;
  const details = Object.entries(rest).map(([name, value]) => `${name} ${value}`).join(", ");
  const counters = `${state.hits} hits${state.holding ? `, holding ${state.holding}` : ""}${state.ended ? ", ended" : ""}`;
  const end = () => send(`/_sandbox/rules/${state.id}/release`);
  return make("li", {class: state.ended ? "ended" : ""},
    make("div", {}, `${endpoint}: ${action} `, make("small", {}, `${details ? `${details} · ` : ""}${counters}`)),
    state.ended ? null : button(state.holding ? "Release" : "End", end, {"aria-label": `End rule ${state.id}`}));
}

function section(id, count, shown) {
  find(`#${id} h2 small`).textContent = shown < count ? `${shown} of ${count}` : count ? String(count) : "";
  const empty = find(`#${id} .empty`);
  if (empty) empty.hidden = count > 0;
  const scroll = find(`#${id} .scroll`);
  if (scroll) scroll.hidden = count === 0;
}

function show(view) {
  find("#app").textContent = view.apps.map((app) => `${app.name} (${app.client_key}${app.audited ? "" : ", unaudited"})`).join(" · ");
  find("#clock time").textContent = dateTime(view.now);
  find("#clock small").textContent = view.clock;
  list(find(".cards"), view.posts, (post) => post.publish_id, drawPost);
  list(find("#calls tbody"), view.calls, (call) => call.number, drawCall);
  list(find("#webhooks tbody"), view.webhooks, (delivery) => delivery.id, drawWebhook);
  list(find(".accounts"), view.accounts, (account) => account.username, drawAccount);
  list(find(".rules"), view.rules, (state) => state.id, drawRule);
  section("posts", view.counts.posts, view.posts.length);
  section("calls", view.counts.calls, view.calls.length);
  section("webhooks", view.counts.webhooks, view.webhooks.length);
  section("accounts", view.counts.accounts, view.accounts.length);
  section("faults", view.counts.rules, view.rules.length);
}

async function refresh() {
  const live = find("#live");
  try {
    const username = find("#account-filter").value.trim();
    show(await fetchJson(`/_sandbox/overview?username=${encodeURIComponent(username)}`));
    live.textContent = "live";
    live.className = "";
  } catch (unreachable) {
    live.textContent = "The sandbox does not answer.";
    live.className = "lost";
  }
}

function drawExamples(examples) {
  for (const group of new Set(examples.map((example) => example.group))) {
    const rules = examples.filter((example) => example.group === group);
    const press = ({label, rule}) => button(label, () => send("/_sandbox/rules", rule));
    const isFirst = group === examples[0].group;
    find("#presets").append(
      make("details", {open: isFirst}, make("summary", {}, group), make("div", {class: "row"}, ...rules.map(press))));
  }
}

// Shows only the fields that the chosen action and endpoint use: the sandbox refuses rules with other combinations.
function updateForm(form, known) {
  const {endpoint, action, at} = form.elements;
  for (const option of action.options) {
    option.disabled = !known.actions.find(({name}) => name === option.value).endpoints.includes(endpoint.value);
  }
  if (action.selectedOptions[0].disabled) action.value = [...action.options].find((option) => !option.disabled).value;
  const chosen = known.actions.find(({name}) => name === action.value);
  for (const option of at.options) option.disabled = !chosen.phases.includes(option.value);
  if (at.selectedOptions[0].disabled) at.value = "request";
  for (const input of form.elements) {
    if (input.name) input.parentElement.hidden = input.disabled = !chosen.fields.includes(input.name);
  }
  const about = known.endpoints.find(({name}) => name === endpoint.value);
  find("p", form).textContent = `${about.description}: ${chosen.description}`;
}

function field({name, kind, choices, default: usual, description}) {
  const input = choices
    ? make("select", {name}, ...choices.map((choice) => make("option", {selected: choice === usual}, choice)))
    : make("input", {name, type: kind === "text" ? "text" : "number", step: kind === "number" ? "any" : "1", placeholder: usual ?? "any"});
  input.dataset.kind = kind;
  return make("label", {title: description}, name, input);
}

function readRule(form) {
  const found = {};
  for (const input of form.elements) {
    if (!input.name || input.disabled || input.value === "") continue;
    found[input.name] = input.type === "number" ? Number(input.value) : input.value;
  }
  return found;
}

async function start() {
  const known = await fetchJson("/_sandbox/rules/catalogue");
  drawExamples(known.examples);
  for (const step of document.querySelectorAll("[data-seconds]")) {
    step.addEventListener("click", () => send("/_sandbox/clock", {seconds: Number(step.dataset.seconds)}));
  }
  for (const pace of document.querySelectorAll("#pace button")) {
    const change = pace.dataset.factor ? {factor: Number(pace.dataset.factor)} : {manual: true};
    pace.addEventListener("click", () => send("/_sandbox/clock", change));
  }
  find("#account-filter").addEventListener("input", refresh);
  const form = find("#rule");
  form.append(...known.fields.map(field), make("p", {}), make("button", {class: "strong"}, "Add rule"));
  form.addEventListener("change", () => updateForm(form, known));
  updateForm(form, known);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    updateForm(form, known);
    send("/_sandbox/rules", readRule(form));
  });
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => setTimeout(done, REFRESH_MS));
  }
}

start().catch((error) => showProblem(String(error)));
