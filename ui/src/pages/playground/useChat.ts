// A conversation and the answer that is on its way.
import { useRef, useState } from "react";
import { chat, type Turn } from "./chat";

export function useChat() {
  const [turns, setTurns] = useState<Turn[]>([]);
  const [error, setError] = useState<unknown>(null);
  const running = useRef<AbortController | null>(null);
  const [busy, setBusy] = useState(false);

  const answer = async (key: string, model: string, asked: Turn[]) => {
    const stop = new AbortController();
    running.current = stop;
    let words = "";
    for await (const more of chat(key, model, asked, stop.signal)) {
      words += more;
      setTurns([...asked, { role: "assistant", content: words }]);
    }
  };

  const send = async (key: string, model: string, content: string) => {
    const asked: Turn[] = [...turns, { role: "user", content }];
    setTurns(asked);
    setError(null);
    setBusy(true);
    try {
      await answer(key, model, asked);
    } catch (thrown) {
      if (!running.current?.signal.aborted) setError(thrown);
    } finally {
      setBusy(false);
    }
  };

  const clear = () => {
    running.current?.abort();
    setTurns([]);
    setError(null);
  };
  return { turns, error, busy, send, stop: () => running.current?.abort(), clear };
}
