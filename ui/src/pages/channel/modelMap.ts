// The map from public model names to the provider's own, as lines of text: `public = upstream`.

export const writeModelMap = (map: Record<string, string>): string =>
  Object.entries(map)
    .map(([name, upstream]) => `${name} = ${upstream}`)
    .join("\n");

const pairs = (text: string): string[][] =>
  text
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => line.split("=").map((side) => side.trim()));

export const readModelMap = (text: string): Record<string, string> =>
  Object.fromEntries(pairs(text).map(([name = "", upstream = ""]) => [name, upstream]));

export function modelMapProblem(text: string): string | null {
  const wrong = pairs(text).find((sides) => sides.length !== 2 || sides.includes(""));
  if (wrong) return `“${wrong.join(" = ")}” should read: public name = name at the provider`;
  const names = pairs(text).map(([name]) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  return twice ? `“${twice}” is named twice.` : null;
}
