// Asks for a token. What becomes of it is the desk's business; the page does not keep it.
import { h } from '../vendor/preact.js';
import type { Desk } from './desk.ts';
import { Moon } from './moon.tsx';

export function LoginView({ desk }: { readonly desk: Desk }) {
  const submit = (event: Event) => {
    event.preventDefault();
    const form = event.target as HTMLFormElement;
    void desk.logIn(String(new FormData(form).get('token') ?? '').trim()).then(() => form.reset());
  };
  return (
    <section class="login" aria-labelledby="headline">
      <Moon state="suspending" />
      <h1 id="headline" class="headline">
        Who is there?
      </h1>
      <p>
        This Torpor asks for a token. <code>torpor token add NAME</code> on its machine makes one.
      </p>
      <form onSubmit={submit}>
        <label>
          Token
          <input name="token" type="password" autocomplete="current-password" required spellcheck={false} />
        </label>
        {desk.loginProblem === '' ? null : (
          <p class="problem" role="alert">
            {desk.loginProblem}
          </p>
        )}
        <p class="buttons">
          <button type="submit" class="primary">
            Come in
          </button>
        </p>
      </form>
    </section>
  );
}
