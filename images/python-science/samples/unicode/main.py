import pandas as pd

print(pd.Series(['żółw', '東京'], index=['ä', 'β']).to_dict())
