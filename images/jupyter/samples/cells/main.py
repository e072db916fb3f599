# %%
a = 1

# %% [markdown]
# text

# %%
a + 1
