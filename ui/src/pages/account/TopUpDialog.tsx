// Raises an account's balance.
import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useForm } from "@mantine/form";
import { useTopUp } from "../../api/accounts";
import type { Account } from "../../api/schema";
import { FormFailure } from "../../components/FormFailure";
import { fieldErrors } from "../../components/fieldErrors";
import { formatUsdExact } from "../../components/format/money";
import { CapInput } from "../../components/limits/CapInput";
import type { CapValue } from "../../components/limits/limitValues";
import { notifyDone } from "../../components/notify";
import { topUpProblem } from "./balance";

export function TopUpDialog({ account, onClose }: { account: Account | null; onClose: () => void }) {
  return (
    <Modal opened={account !== null} onClose={onClose} title={account ? `Top up ${account.username}` : "Top up"}>
      {account && <TopUpForm account={account} onDone={onClose} />}
    </Modal>
  );
}

function TopUpForm({ account, onDone }: { account: Account; onDone: () => void }) {
  const topUp = useTopUp();
  const form = useForm<{ usd: CapValue }>({ initialValues: { usd: "" }, validate: { usd: topUpProblem } });
  const left = account.balance.remaining.total.usd ?? 0;
  const submit = form.onSubmit(({ usd }) =>
    topUp.mutate(
      { id: account.id, usd: Number(usd) },
      {
        onSuccess: (after) => {
          notifyDone(`Topped up: ${formatUsdExact(after.balance.remaining.total.usd ?? 0)} is left now.`);
          onDone();
        },
        onError: (error) => form.setErrors(fieldErrors(error, ["usd"])),
      },
    ),
  );
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text>{formatUsdExact(left)} is left. Its keys can use more at once.</Text>
        <CapInput label="Amount, in USD" money placeholder="$50" data-autofocus {...form.getInputProps("usd")} />
        <FormFailure error={topUp.error} shown={["usd"]} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onDone}>
            Cancel
          </Button>
          <Button type="submit" loading={topUp.isPending}>
            Top up
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
