// What to ask next; Enter sends, Shift+Enter makes a new line.
import { Button, Textarea } from "@mantine/core";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import classes from "./Conversation.module.css";

interface PromptFormProps {
  /** A key has been given. */
  ready: boolean;
  busy: boolean;
  onSend: (text: string) => void;
  onStop: () => void;
}

export function PromptForm({ ready, busy, onSend, onStop }: PromptFormProps) {
  const [text, setText] = useState("");
  const sendable = ready && !busy && text.trim() !== "";
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!sendable) return;
    onSend(text);
    setText("");
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Enter" && !event.shiftKey && !event.nativeEvent.isComposing) submit(event);
  };
  return (
    <form className={classes.prompt} onSubmit={submit}>
      <Textarea
        aria-label="Message"
        placeholder={ready ? "Message" : "Paste an API key first"}
        autosize
        maxRows={8}
        value={text}
        onChange={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      {busy ? (
        <Button variant="default" onClick={onStop}>
          Stop
        </Button>
      ) : (
        <Button type="submit" disabled={!sendable}>
          Send
        </Button>
      )}
    </form>
  );
}
