// A secret that is shown once, with the button to copy it.
import { CopyButton } from "./CopyButton";
import classes from "./SecretBox.module.css";

interface SecretBoxProps {
  secret: string;
  /** What the button says. */
  copy: string;
  testId: string;
}

export function SecretBox({ secret, copy, testId }: SecretBoxProps) {
  return (
    <div className={classes.secret}>
      <code data-testid={testId}>{secret}</code>
      <CopyButton text={secret} autoFocus>
        {copy}
      </CopyButton>
    </div>
  );
}
