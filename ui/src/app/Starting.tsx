// What is seen while the first answer is on its way: the mark, in its place, quietly.
import { Center } from "@mantine/core";
import { Logo } from "../components/Logo";

export function Starting() {
  return (
    <Center mih="100dvh" aria-busy="true" aria-label="Loading">
      <Logo size={36} />
    </Center>
  );
}
