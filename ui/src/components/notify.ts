// Short messages at the edge: what was done, or why not.
import { notifications } from "@mantine/notifications";
import { Failure } from "../api/failure";

export const notifyDone = (message: string) => notifications.show({ message, color: "pine" });

export const notifyFailure = (title: string) => (error: unknown) => {
  const failure = Failure.of(error);
  notifications.show({ title, message: `${failure.message} (${failure.code})`, color: "red", autoClose: 10_000 });
};
