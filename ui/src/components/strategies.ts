// The orders in which the channels of a model can be tried, in words.
import type { RoutingStrategy } from "../api/schema";

export const STRATEGIES: { value: RoutingStrategy; label: string; description: string }[] = [
  {
    value: "priority",
    label: "Priority",
    description: "The highest first, the others when it cannot serve; shared out by weight within one priority.",
  },
  { value: "weighted", label: "Weight", description: "Shared out by weight alone." },
  {
    value: "lowest-latency",
    label: "Latency",
    description: "The quickest first; one call in twenty looks whether another has become quicker.",
  },
  {
    value: "best-price",
    label: "Price",
    description: "The cheapest first; of those that cost the same, the quickest.",
  },
];
