/** The colour that a custom property has in this place, for canvases, which know no properties. */
export function colourIn(place: Element, property: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${property})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}
