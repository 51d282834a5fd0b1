// Sets the colour scheme before the first paint, so that a dark console never flashes white.
// A file of its own, since the gateway's Content-Security-Policy forbids inline scripts.
(() => {
  const chosen = localStorage.getItem("mantine-color-scheme-value");
  const dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.setAttribute("data-mantine-color-scheme", dark ? "dark" : "light");
})();
