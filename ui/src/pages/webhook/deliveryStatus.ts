// How far a delivery has come, as lists show it.
import type { DeliveryStatus } from "../../api/schema";
import type { Tone } from "../../components/Status";

export const deliveryTones: Record<DeliveryStatus, Tone> = { delivered: "good", pending: "warn", given_up: "bad" };

export const deliveryWords: Record<DeliveryStatus, string> = {
  delivered: "delivered",
  pending: "pending",
  given_up: "given up",
};

/** A body as people read it; one that is no JSON as it is. */
export function readable(body: string): string {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}
