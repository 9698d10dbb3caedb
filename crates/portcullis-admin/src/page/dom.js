// Builds elements. All text goes through `textContent`, so that markup in a name is shown as text.

const SVG = "http://www.w3.org/2000/svg";

export const byId = (id) => document.getElementById(id);

/** An element with properties, `data` and `aria` attributes, and children; a string becomes a text node. */
export function element(name, { data, aria, role, ...properties } = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  Object.assign(made.dataset, data);
  for (const [key, value] of Object.entries(aria ?? {})) made.setAttribute(`aria-${key}`, value);
  if (role) made.setAttribute("role", role);
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** An icon of the sprite in the page. It is decoration: the text beside it says the same. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}

/** Shows a text in an element that is empty until then; without a text, empties it. */
export function say(place, text, symbol) {
  if (text) place.replaceChildren(...(symbol ? [icon(symbol)] : []), element("p", { textContent: text }));
  else place.replaceChildren();
}

/** Shows a problem below a field and moves the focus to the field; for an empty text, removes the problem. */
export function blame(field, text) {
  byId(`${field.id}-error`).textContent = text;
  field.setAttribute("aria-invalid", String(Boolean(text)));
  if (text) field.focus();
}
