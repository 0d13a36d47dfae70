from .stack import StackOptions
OPTIONS = StackOptions(
    name="demo",
    modules=("website_sale", "sale_management", "stock", "smart_dairy_performance", "smart_dairy_profiling"),
    demo=True,
)
