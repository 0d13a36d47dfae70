import { useMutation, useQueryClient } from '@tanstack/react-query';
import type { SubmitEvent } from 'react';

import { ApiError, post } from '../api.js';
import { setToken } from '../session.js';

export const SignIn = () => {
  const client = useQueryClient();
  const signIn = useMutation({
    mutationFn: (given: { username: string; password: string }) =>
      post<{ token: string }>('/auth/login', given),
    onSuccess: ({ token }) => {
      setToken(token);
      return client.resetQueries();
    },
  });
  const submit = (event: SubmitEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    const text = (name: string) => form.get(name) as string;
    signIn.mutate({ username: text('username'), password: text('password') });
  };
  return (
    <form className="sign-in" onSubmit={submit}>
      <h2>Please sign in</h2>
      <label>
        User name
        <input name="username" autoComplete="username" required />
      </label>
      <label>
        Password
        <input
          name="password"
          type="password"
          autoComplete="current-password"
          required
        />
      </label>
      {signIn.error && (
        <p role="alert" className="wrong">
          {signIn.error instanceof ApiError
            ? signIn.error.message
            : 'The dairy cannot be reached at the moment.'}
        </p>
      )}
      <button type="submit" disabled={signIn.isPending}>
        Sign in
      </button>
    </form>
  );
};
