// What the webhook form holds, and how it becomes what the gateway is asked for.
import type { NewWebhook, Webhook, WebhookChange, WebhookEvent } from "../../api/schema";

export interface WebhookValues {
  name: string;
  url: string;
  events: WebhookEvent[];
  secret: string;
  /** A webhook that is there gets a secret that the gateway makes. */
  renewSecret: boolean;
}

export const FIELDS = ["name", "url", "events", "secret"] as const;

export const EVENTS: { value: WebhookEvent; label: string; about: string }[] = [
  {
    value: "quota.exceeded",
    label: "Quota exceeded",
    about: "A call did not fit a quota, or the quota has been used up. Once in each day or month.",
  },
  {
    value: "balance.low",
    label: "Balance low",
    about: "Less than an account's threshold is left of its total. Once, until it has been raised.",
  },
  {
    value: "channel.down",
    label: "Channel down",
    about:
      "A channel takes no calls, or only those that no other can: it fails, is slow, or its credential is refused. Once in each outage.",
  },
  { value: "channel.up", label: "Channel up", about: "A channel is back." },
  {
    value: "usage.implausible",
    label: "Usage implausible",
    about: "A provider reported a usage that cannot be. Once a day for each channel and model.",
  },
];

export const blank: WebhookValues = {
  name: "",
  url: "",
  events: EVENTS.map(({ value }) => value),
  secret: "",
  renewSecret: false,
};

export const valuesOf = ({ name, url, events }: Webhook): WebhookValues => ({ ...blank, name, url, events });

const common = ({ name, url, events }: WebhookValues) => ({ name: name.trim(), url: url.trim(), events });

/** A blank secret means: make one. */
export const newWebhookOf = (values: WebhookValues): NewWebhook => ({
  ...common(values),
  ...(values.secret && { secret: values.secret }),
});

/** A blank secret means: leave it as it is. */
export const changeOf = (values: WebhookValues): WebhookChange => ({
  ...common(values),
  ...(values.renewSecret ? { secret: null } : values.secret && { secret: values.secret }),
});

export const problems = {
  name: (name: string) => (name.trim() ? null : "Give it a name."),
  url: (url: string) => (/^https?:\/\/[^\s/]/.test(url.trim()) ? null : "An address such as https://example.com/hook"),
  events: (events: WebhookEvent[]) => (events.length > 0 ? null : "Choose at least one."),
};
