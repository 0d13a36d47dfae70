// The rules of frontend/, and the names that k6 defines.
import frontend from "../frontend/eslint.config.js";

export default [
    ...frontend,
    {
        files: ["**/*.js"],
        languageOptions: {
            globals: {
                __ENV: "readonly",
                __ITER: "readonly",
                open: "readonly",
                performance: "readonly",
            },
        },
    },
];
