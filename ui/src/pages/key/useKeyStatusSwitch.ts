// Disables and enables a key; takes effect with its very next request.
import { useChangeKey } from "../../api/keys";
import type { Key } from "../../api/schema";
import { notifyDone, notifyFailure } from "../../components/notify";

export function useKeyStatusSwitch() {
  const change = useChangeKey();
  return (key: Key) => {
    const disable = key.status === "active";
    change.mutate(
      { id: key.id, status: disable ? "disabled" : "active" },
      {
        onSuccess: () => notifyDone(disable ? "Key disabled: its next request fails." : "Key enabled."),
        onError: notifyFailure(disable ? "The key is still active" : "The key is still disabled"),
      },
    );
  };
}
