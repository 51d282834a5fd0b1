// The look: one quiet accent, greys with a breath of green, system fonts, hairlines instead of shadows.
import {
  Alert,
  Badge,
  Button,
  Card,
  type CSSVariablesResolver,
  createTheme,
  Drawer,
  defaultVariantColorsResolver,
  InputWrapper,
  type MantineColorsTuple,
  Menu,
  Modal,
  Select,
  Skeleton,
  Table,
  TextInput,
  Tooltip,
  type VariantColorsResolver,
} from "@mantine/core";

const pine: MantineColorsTuple = [
  "#eff9f6",
  "#d8f1ea",
  "#b0e3d5",
  "#80d0bd",
  "#50b9a3",
  "#2f9f8a",
  "#15806f",
  "#0f6b5e",
  "#0e564c",
  "#0c463f",
];
const gray: MantineColorsTuple = [
  "#f7f8f7",
  "#f0f2f1",
  "#e5e8e6",
  "#d7dbd9",
  "#c1c7c4",
  "#98a09c",
  "#5c6561",
  "#474f4b",
  "#2f3633",
  "#1a1f1d",
];
const dark: MantineColorsTuple = [
  "#dde2e0",
  "#b9c0bd",
  "#98a19d",
  "#69736f",
  "#39413e",
  "#2a312e",
  "#1e2422",
  "#151918",
  "#0f1211",
  "#0a0c0b",
];

/** Mantine picks the text of filled controls by the light scheme's shade alone; ours goes with the scheme. */
const variantColorResolver: VariantColorsResolver = (input) => {
  const colors = defaultVariantColorsResolver(input);
  return input.variant === "filled" ? { ...colors, color: "var(--r-on-filled)" } : colors;
};

export const theme = createTheme({
  variantColorResolver,
  primaryColor: "pine",
  primaryShade: { light: 7, dark: 4 },
  colors: { pine, gray, dark },
  black: "#141917",
  autoContrast: true,
  luminanceThreshold: 0.2,
  defaultRadius: "md",
  cursorType: "pointer",
  respectReducedMotion: true,
  fontFamily:
    '-apple-system, BlinkMacSystemFont, "Segoe UI Variable Text", "Segoe UI", Inter, Roboto, Cantarell, "Noto Sans", "Helvetica Neue", Arial, sans-serif',
  fontFamilyMonospace:
    'ui-monospace, "SF Mono", SFMono-Regular, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace',
  fontSizes: { xs: "0.75rem", sm: "0.8125rem", md: "0.875rem", lg: "1rem", xl: "1.125rem" },
  lineHeights: { xs: "1.35", sm: "1.45", md: "1.5", lg: "1.5", xl: "1.4" },
  radius: { xs: "0.1875rem", sm: "0.3125rem", md: "0.4375rem", lg: "0.625rem", xl: "0.875rem" },
  headings: {
    fontWeight: "620",
    sizes: {
      h1: { fontSize: "1.375rem", lineHeight: "1.25" },
      h2: { fontSize: "1rem", lineHeight: "1.4" },
      h3: { fontSize: "0.875rem", lineHeight: "1.4" },
    },
  },
  components: {
    Alert: Alert.extend({
      defaultProps: { variant: "light" },
      vars: (_, { color }) => ({
        root: {
          "--alert-bg": `var(--r-alert-${color ?? "pine"})`,
          "--alert-color": `var(--r-alert-${color ?? "pine"}-text)`,
          "--alert-bd": `1px solid var(--r-alert-${color ?? "pine"}-edge)`,
        },
      }),
    }),
    Badge: Badge.extend({ defaultProps: { variant: "light", radius: "sm", tt: "none", fw: 500 } }),
    Button: Button.extend({ styles: { label: { fontWeight: 550 } } }),
    Card: Card.extend({ defaultProps: { withBorder: true, radius: "lg", padding: "lg" } }),
    Drawer: Drawer.extend({
      defaultProps: {
        position: "right",
        size: 480,
        padding: "lg",
        overlayProps: { backgroundOpacity: 0.35 },
        removeScrollProps: { removeScrollBar: false },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: { title: { fontSize: "1rem", fontWeight: 620 } },
    }),
    InputWrapper: InputWrapper.extend({
      styles: { label: { marginBottom: 4, fontWeight: 550 }, description: { marginBottom: 4 } },
    }),
    Menu: Menu.extend({ defaultProps: { shadow: "md", position: "bottom-end", withinPortal: true } }),
    Modal: Modal.extend({
      defaultProps: {
        centered: true,
        padding: "lg",
        radius: "lg",
        overlayProps: { backgroundOpacity: 0.35 },
        removeScrollProps: { removeScrollBar: false },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: { title: { fontSize: "1rem", fontWeight: 620 } },
    }),
    Select: Select.extend({ defaultProps: { checkIconPosition: "right" } }),
    Skeleton: Skeleton.extend({ defaultProps: { radius: "sm" } }),
    Table: Table.extend({ defaultProps: { verticalSpacing: 0, horizontalSpacing: "md" } }),
    TextInput: TextInput.extend({ defaultProps: { autoComplete: "off" } }),
    Tooltip: Tooltip.extend({ defaultProps: { openDelay: 250, transitionProps: { duration: 80 } } }),
  },
});

export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-body": "#ffffff",
    "--mantine-color-dimmed": "#5c6561",
    "--mantine-color-placeholder": "#69726e",
    "--mantine-color-error": "#b42318",
    "--mantine-color-default-border": "#d7dbd9",
    "--r-on-filled": "#ffffff",
    "--r-canvas": "#f7f8f7",
    "--r-hairline": "#e7eae8",
    "--r-hover": "#f4f6f5",
    "--r-good": "#178a5a",
    "--r-warn": "#b7791f",
    "--r-bad": "#c5362b",
    "--r-alert-red": "#fdf3f2",
    "--r-alert-red-edge": "#f3d3cf",
    "--r-alert-red-text": "#b42318",
    "--r-alert-yellow": "#fdf8ec",
    "--r-alert-yellow-edge": "#eedfb8",
    "--r-alert-yellow-text": "#855a0d",
    "--r-code": "#f7f8f7",
    "--r-series-1": "#2f9f8a",
  },
  dark: {
    "--mantine-color-body": "#151918",
    "--mantine-color-dimmed": "#98a19d",
    "--mantine-color-placeholder": "#8a938f",
    "--mantine-color-error": "#f0867c",
    "--mantine-color-default-border": "#333b38",
    "--r-on-filled": "#141917",
    "--r-canvas": "#0f1211",
    "--r-hairline": "#242a28",
    "--r-hover": "#1a1f1d",
    "--r-good": "#45b98a",
    "--r-warn": "#d9a441",
    "--r-bad": "#e5675b",
    "--r-alert-red": "#271817",
    "--r-alert-red-edge": "#4a2a27",
    "--r-alert-red-text": "#f0867c",
    "--r-alert-yellow": "#241f14",
    "--r-alert-yellow-edge": "#463a1e",
    "--r-alert-yellow-text": "#e2b45c",
    "--r-code": "#0f1211",
    "--r-series-1": "#2f9f8a",
  },
});
