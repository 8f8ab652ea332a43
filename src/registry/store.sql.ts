// SQL of the store as a whole.

export const selectStore = "select id from store";
